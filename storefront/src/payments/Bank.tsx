import { useState } from 'react';
import type { PaymentStateFragment } from '../gql/graphql';
import { Button } from '../ui/Button';
import button from '../ui/Button.module.css';
import { Notice } from '../ui/Notice';
import { rememberReturn } from './comeBack';
import { stripe } from './stripe';

/** The way to the buyer's bank, which wants to hear from the buyer: a page of its own, or a frame of Stripe's. */
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
        Go to your bank
      </a>
    );
  if (!clientSecret || !publishableKey) return <Notice tone="bad">This shop cannot show you to your bank at the moment.</Notice>;
  async function ask(publishableKey: string, clientSecret: string) {
    setState({ busy: true });
    rememberReturn(orderId); // some banks have a page of their own here, too
    try {
      const sdk = await stripe(publishableKey);
      const { error } = await sdk.handleNextAction({ clientSecret });
      setState({ error: error?.message }); // what came of it arrives by itself
    } catch {
      setState({ error: 'Your bank’s question did not load.' });
    }
  }
  return (
    <>
      {state.error && <Notice tone="bad">{state.error}</Notice>}
      <Button look="primary" wide busy={state.busy} onClick={() => void ask(publishableKey, clientSecret)}>
        Answer your bank
      </Button>
    </>
  );
}
