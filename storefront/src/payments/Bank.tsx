import { useState } from 'react';
import type { PaymentStateFragment } from '../gql/graphql';
import { Button } from '../ui/Button';
import button from '../ui/Button.module.css';
import { Notice } from '../ui/Notice';
import { rememberReturn } from './comeBack';
import { stripe } from './stripe';

/** The confirmation of a payment at the buyer's bank: a page of the bank, or a frame of Stripe's. */
export function Bank({
  orderId,
  action,
  publishableKey,
}: {
  orderId: string;
  action: NonNullable<PaymentStateFragment['nextAction']>;
  publishableKey: string | null | undefined;
}) {
  const [state, setState] = useState<{ busy?: boolean; error?: string }>({});
  const { redirectUrl, clientSecret } = action;
  if (redirectUrl && !publishableKey)
    return (
      <a href={redirectUrl} className={`${button.button} ${button.primary} ${button.wide}`} onClick={() => rememberReturn(orderId)}>
        Continue to your bank
      </a>
    );
  if (!clientSecret || !publishableKey) return <Notice tone="bad">We can’t reach your bank right now.</Notice>;
  async function confirm(publishableKey: string, clientSecret: string) {
    setState({ busy: true });
    rememberReturn(orderId); // some banks redirect here, too
    try {
      const sdk = await stripe(publishableKey);
      const { error } = await sdk.handleNextAction({ clientSecret });
      setState({ error: error?.message }); // the result arrives as a live update
    } catch {
      setState({ error: 'Your bank’s page didn’t load.' });
    }
  }
  return (
    <>
      {state.error && <Notice tone="bad">{state.error}</Notice>}
      <Button look="primary" wide busy={state.busy} onClick={() => void confirm(publishableKey, clientSecret)}>
        Confirm with your bank
      </Button>
    </>
  );
}
