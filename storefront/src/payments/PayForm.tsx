import { useApolloClient } from '@apollo/client/react';
import { lazy, Suspense, useRef } from 'react';
import { newKey } from '../app/key';
import { graphql } from '../gql';
import type { CardProcessorQuery, OrderStateFragment } from '../gql/graphql';
import { Button } from '../ui/Button';
import { FormErrors } from '../ui/Field';
import { useForm } from '../ui/form';
import { formatMoney } from '../ui/format';
import { Notice } from '../ui/Notice';
import { Skeleton } from '../ui/Skeleton';
import type { CardSource } from './card';
import { failureWords } from './failures';
import { SimulatorCards } from './SimulatorCards';
import css from './PayForm.module.css';

const StripeCard = lazy(() => import('./StripeCard'));

// `refresh` fetches the rest: the API limits operations to 300 fields.
const payOrder = graphql(`
  mutation PayOrder($input: PayOrderInput!) {
    payOrder(input: $input) {
      payment {
        id
        ...PaymentState
      }
      order {
        id
        status
        viewerCanCancel
        payments {
          nodes {
            id
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
        ... on RateLimitedError {
          retryAfterSeconds
        }
        ... on PaymentDeclinedError {
          reason
          payment {
            id
            ...PaymentState
            order {
              id
              payments {
                nodes {
                  id
                }
              }
            }
          }
        }
      }
    }
  }
`);

interface Props {
  order: Pick<OrderStateFragment, 'id' | 'price'>;
  processor: CardProcessorQuery['cardProcessor'] | undefined;
  /** Why the previous payment failed, if any. */
  failed: { reason: Parameters<typeof failureWords>[0] } | null | undefined;
  /** Called when the page may be out of date. */
  refresh: () => void;
}

/** A form that pays with a card, once. It keeps its input on errors. */
export function PayForm({ order, processor, failed, refresh }: Props) {
  const client = useApolloClient();
  const card = useRef<CardSource>(null);
  const attempt = useRef<{ token: string; key: string }>(undefined);
  const form = useForm(async (value) => {
    const made = card.current ? await card.current.token() : { token: value('card') };
    if ('errors' in made) return made.errors;
    const { token } = made;
    // Without a response, the order may be paid. A retry sends the same key and returns the same payment.
    if (attempt.current?.token !== token) attempt.current = { token, key: newKey() };
    const { minorUnits, currency } = order.price;
    const { data } = await client.mutate({
      mutation: payOrder,
      variables: {
        input: {
          orderId: order.id,
          paymentMethodToken: token,
          idempotencyKey: attempt.current.key,
          expectedAmount: { minorUnits, currency },
        },
      },
    });
    attempt.current = undefined;
    card.current?.used();
    refresh(); // also fetches the order's new payment
    return data.payOrder.errors;
  });
  if (processor && processor.kind !== 'SIMULATOR' && !processor.publishableKey)
    return (
      <Notice tone="bad" title="Card payments aren’t available right now">
        <p>Nothing was charged. The ticket is held for you until the time is up.</p>
      </Notice>
    );
  return (
    <form {...form.props} className={css.form} aria-label="Payment">
      {failed && form.errors.length === 0 && !form.failure && !form.pending && (
        <Notice tone="bad" title="Payment failed">
          <p>{failureWords(failed.reason)} Nothing was charged. Try another card.</p>
        </Notice>
      )}
      <FormErrors form={form} />
      {!processor && <Skeleton height="19rem" className={css.blank} />}
      {processor?.kind === 'SIMULATOR' && <SimulatorCards />}
      {processor?.publishableKey && (
        <Suspense fallback={<Skeleton height="14.5rem" className={css.blank} />}>
          <StripeCard ref={card} publishableKey={processor.publishableKey} amount={order.price} />
        </Suspense>
      )}
      <Button type="submit" look="primary" wide busy={form.pending} disabled={!processor}>
        Pay {formatMoney(order.price)}
      </Button>
    </form>
  );
}
