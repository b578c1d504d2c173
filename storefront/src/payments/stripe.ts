// Stripe.js, which its terms require to be loaded from Stripe. Only pages with a card form load it.
import type { Stripe } from '@stripe/stripe-js';

let loading: Promise<Stripe> | undefined;

/** Loads it once; after a failure, the next call retries. */
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
