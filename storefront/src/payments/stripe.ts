// Stripe.js, which its terms want to come from Stripe itself. It is asked for only where a card is: who comes for
// anything else does not meet it.
import type { Stripe } from '@stripe/stripe-js';

let loading: Promise<Stripe> | undefined;

/** Loads it once; after a failure the next call tries again. */
export function stripe(publishableKey: string): Promise<Stripe> {
  loading ??= import('@stripe/stripe-js/pure')
    .then(({ loadStripe }) => loadStripe(publishableKey))
    .then((loaded) => loaded ?? Promise.reject(new Error('Stripe.js did not load')))
    .catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
  return loading;
}
