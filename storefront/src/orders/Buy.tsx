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
        ... on TicketSoldError {
          ticket {
            id
            availability
            version
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

/** What a visitor can do with a ticket: buy it or open their order, or else why not. */
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
          {order.status === 'COMPLETE' ? 'View order' : 'Continue to payment'}
        </ButtonLink>
        <p className={css.hint}>{order.status === 'COMPLETE' ? 'You bought this ticket.' : 'This ticket is held for you.'}</p>
      </div>
    );
  if (viewer && seller?.id === viewer.user.id) return null;
  switch (availability) {
    case 'AVAILABLE':
      return <BuyButton ticketId={id} price={price} />;
    case 'RESERVED':
      return (
        <p className={css.hint}>
          Someone is paying for it right now. If they don’t, it’s back on sale within minutes, and this page will show it.
        </p>
      );
    case 'SOLD':
      return <Elsewhere>Sold.</Elsewhere>;
    default:
      return <Elsewhere>No longer for sale.</Elsewhere>;
  }
}

function Elsewhere({ children }: { children: string }) {
  return (
    <p className={css.hint}>
      {children} <Link to="/">Browse tickets</Link>
    </p>
  );
}

/** Mounted while the ticket can be bought, which is also the lifetime of its idempotency key. */
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
      // Without a response, there may be an order. A retry sends the same key and returns it.
      setState({ failure: failure(error) });
    } finally {
      sending.current = false;
    }
  }

  const signInFirst = (intent: Intent) => navigate(`/sign-in?next=${encodeURIComponent(keepIntent(intent))}`);

  // Continues a purchase that was interrupted by signing in.
  const resume = useEffectEvent(() => {
    const intent = takeIntent(ticketId, search);
    if (!intent) return;
    setSearch({}, { replace: true, preventScrollReset: true });
    void buy(intent);
  });
  const signedIn = !!viewer;
  useEffect(() => {
    if (!signedIn) return;
    const timer = setTimeout(resume);
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
      {!error && !state.failure && <p className={css.hint}>We’ll hold it for you while you pay. Nothing is charged until then.</p>}
    </div>
  );
}

function Refused({ error }: { error: CreateOrderError }) {
  switch (error.__typename) {
    case 'PriceChangedError':
      return (
        <Notice tone="bad" title={`The price is now ${formatMoney(error.currentPrice)}`}>
          <p>The seller has just changed the price. Buy again to accept it.</p>
        </Notice>
      );
    case 'TooManyActiveOrdersError':
      return (
        <Notice tone="bad" title={`You’re holding ${error.limit} tickets, the maximum`}>
          <p>
            <Link to="/orders?show=live">Pay for or cancel one first</Link>.
          </p>
        </Notice>
      );
    case 'IdempotencyKeyReusedError':
      return (
        <Notice tone="bad">
          <p>
            {wordsFor(error)} <Link to="/orders">View your orders</Link>
          </p>
        </Notice>
      );
    default:
      return <Notice tone="bad">{wordsFor(error)}</Notice>;
  }
}
