import { useApolloClient } from '@apollo/client/react';
import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { useViewer } from '../account/session';
import { codes, failure, type Failure } from '../app/failure';
import { FailureNotice } from '../app/FailureNotice';
import { newKey } from '../app/key';
import { wordsFor } from '../app/words';
import { graphql } from '../gql';
import type { CreateOrderMutation, TicketCardFragment, TicketDetailsFragment } from '../gql/graphql';
import { Button, ButtonLink } from '../ui/Button';
import { formatMoney } from '../ui/format';
import { Notice } from '../ui/Notice';
import { keepIntent, keyFor, takeIntent, type Intent } from './buy';
import css from './Buy.module.css';

const createOrder = graphql(`
  mutation CreateOrder($input: CreateOrderInput!) {
    createOrder(input: $input) {
      order {
        id
        ...OrderState
        ticket {
          id
          viewerOrder {
            id
            status
          }
        }
      }
      errors {
        __typename
        ... on UserError {
          code
          message
          path
        }
        ... on PriceChangedError {
          currentPrice {
            decimal
            currency
          }
          ticket {
            id
            ...TicketCard
          }
        }
        ... on TicketReservedError {
          ticket {
            id
            availability
            version
            viewerOrder {
              id
              status
            }
          }
        }
        ... on TicketNotForSaleError {
          ticket {
            id
            availability
            version
          }
        }
        ... on TooManyActiveOrdersError {
          limit
        }
      }
    }
  }
`);

type CreateOrderError = CreateOrderMutation['createOrder']['errors'][number];

/** What a visitor can do about a ticket: buy it, go on with the order that has it, or learn why neither. */
export function Buy({
  ticket: { id, availability, price, seller },
  order,
}: {
  ticket: TicketCardFragment;
  order: TicketDetailsFragment['viewerOrder'];
}) {
  const viewer = useViewer();
  if (order && order.status !== 'CANCELLED')
    return (
      <div className={css.buy}>
        <ButtonLink to={`/orders/${order.id}`} look="primary" wide>
          {order.status === 'COMPLETE' ? 'See your order' : 'Go on to pay'}
        </ButtonLink>
        <p className={css.hint}>{order.status === 'COMPLETE' ? 'This ticket is yours.' : 'This ticket is held for you.'}</p>
      </div>
    );
  if (viewer && seller?.id === viewer.user.id) return null;
  switch (availability) {
    case 'AVAILABLE':
      return <BuyButton ticketId={id} price={price} />;
    case 'RESERVED':
      return (
        <p className={css.hint}>
          Somebody is about to pay for it. If they do not, it is back here in a few minutes; this page shows it by itself.
        </p>
      );
    case 'SOLD':
      return <Elsewhere>It is sold.</Elsewhere>;
    default:
      return <Elsewhere>It is not for sale any more.</Elsewhere>;
  }
}

function Elsewhere({ children }: { children: string }) {
  return (
    <p className={css.hint}>
      {children} <Link to="/">See what else there is</Link>
    </p>
  );
}

/** Is on the page as long as the ticket can be bought: its key lives as long. */
function BuyButton({ ticketId, price }: { ticketId: string; price: TicketCardFragment['price'] }) {
  const client = useApolloClient();
  const navigate = useNavigate();
  const viewer = useViewer();
  const [search, setSearch] = useSearchParams();
  const [key] = useState(newKey);
  const sending = useRef(false);
  const [state, setState] = useState<{ pending?: boolean; error?: CreateOrderError; failure?: Failure }>({});

  async function buy(intent: Intent) {
    if (sending.current) return;
    sending.current = true;
    setState({ pending: true });
    try {
      const { data } = await client.mutate({
        mutation: createOrder,
        variables: { input: { ticketId, idempotencyKey: intent.key, expectedPrice: intent.price } },
      });
      const { order, errors } = data.createOrder;
      setState({ error: errors[0] });
      if (order) await navigate(`/orders/${order.id}`);
    } catch (error) {
      if (codes(error).includes('UNAUTHENTICATED')) return await signInFirst(intent);
      // When no answer came, there may be an order: pressing again sends the same key and finds it.
      setState({ failure: failure(error) });
    } finally {
      sending.current = false;
    }
  }

  const signInFirst = (intent: Intent) => navigate(`/sign-in?next=${encodeURIComponent(keepIntent(intent))}`);

  // Whoever comes back from signing in has pressed the button already.
  const goOn = useEffectEvent(() => {
    const intent = takeIntent(ticketId, search);
    if (!intent) return;
    setSearch({}, { replace: true, preventScrollReset: true });
    void buy(intent);
  });
  const signedIn = !!viewer;
  useEffect(() => {
    if (!signedIn) return;
    const timer = setTimeout(goOn);
    return () => clearTimeout(timer);
  }, [signedIn]);

  const { pending, error } = state;
  return (
    <div className={css.buy}>
      <Button
        look="primary"
        wide
        busy={pending}
        onClick={() => {
          const { minorUnits, currency } = price;
          const intent = { ticketId, price: { minorUnits, currency }, key: keyFor(key, price) };
          void (viewer === null ? signInFirst(intent) : buy(intent));
        }}
      >
        Buy for {formatMoney(price)}
      </Button>
      {state.failure && <FailureNotice failure={state.failure} />}
      {error && <Refused error={error} />}
      {!error && !state.failure && <p className={css.hint}>It is held for you while you pay. Nothing is charged before.</p>}
    </div>
  );
}

function Refused({ error }: { error: CreateOrderError }) {
  switch (error.__typename) {
    case 'PriceChangedError':
      return (
        <Notice tone="bad" title={`It costs ${formatMoney(error.currentPrice)} now`}>
          <p>The seller has just changed the price. Press the button again if that is fine with you.</p>
        </Notice>
      );
    case 'TooManyActiveOrdersError':
      return (
        <Notice tone="bad" title={`You hold ${error.limit} tickets already`}>
          <p>
            Nobody can hold more without paying. <Link to="/orders?show=live">Pay for one or give one back</Link>, then come back.
          </p>
        </Notice>
      );
    case 'IdempotencyKeyReusedError':
      return (
        <Notice tone="bad">
          <p>
            {wordsFor(error)} <Link to="/orders">See your orders</Link>
          </p>
        </Notice>
      );
    default:
      return <Notice tone="bad">{wordsFor(error)}</Notice>;
  }
}
