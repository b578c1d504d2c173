import { oddCards, testCards, type TestCard } from './testCards';
import css from './SimulatorCards.module.css';

/** Test cards to choose from, which charge nothing. */
export function SimulatorCards() {
  return (
    <fieldset className={css.cards}>
      <legend>Choose a test card</legend>
      <p className={css.hint}>Payments are simulated. Nothing is charged.</p>
      <div className={css.grid}>
        {testCards.map((card, i) => (
          <Choice key={card.token} card={card} checked={i === 0} />
        ))}
      </div>
      <details className={css.more}>
        <summary>More test cards</summary>
        <div className={css.grid}>
          {oddCards.map((card) => (
            <Choice key={card.token} card={card} />
          ))}
        </div>
      </details>
    </fieldset>
  );
}

function Choice({ card: { token, brand, title, what }, checked }: { card: TestCard; checked?: boolean }) {
  return (
    <label className={css.card} data-brand={brand}>
      <input type="radio" name="card" value={token} defaultChecked={checked} />
      <span className={css.title}>{title}</span>
      <span className={css.what}>{what}</span>
    </label>
  );
}
