import type { Stripe, StripeElements, StripePaymentElement } from '@stripe/stripe-js';
import { useEffect, useEffectEvent, useImperativeHandle, useRef, useState, type Ref } from 'react';
import { Button } from '../ui/Button';
import type { Amount } from '../ui/format';
import { Notice } from '../ui/Notice';
import { Skeleton } from '../ui/Skeleton';
import type { CardSource } from './card';
import { stripe } from './stripe';
import css from './StripeCard.module.css';

/** Stripe's card form in a frame of Stripe's: neither this page nor its API has access to card numbers. */
export default function StripeCard({
  ref,
  publishableKey,
  amount,
}: {
  ref: Ref<CardSource>;
  publishableKey: string;
  amount: Amount & { minorUnits: number };
}) {
  const place = useRef<HTMLDivElement>(null);
  const mounted = useRef<{ sdk: Stripe; elements: StripeElements }>(undefined);
  const token = useRef<string>(undefined);
  const [state, setState] = useState<'loading' | 'ready' | 'failed'>('loading');

  const mount = useEffectEvent((sdk: Stripe) => {
    const elements = sdk.elements({
      mode: 'payment',
      amount: amount.minorUnits,
      currency: amount.currency.toLowerCase(),
      allowedPaymentMethodTypes: ['card'],
      paymentMethodCreation: 'manual',
      appearance: appearance(),
    });
    const element = elements.create('payment', { wallets: { applePay: 'never', googlePay: 'never' } });
    element.on('ready', () => setState('ready'));
    element.on('loaderror', () => setState('failed'));
    element.on('change', () => (token.current = undefined));
    element.mount(place.current!);
    mounted.current = { sdk, elements };
    return element;
  });
  const failed = state === 'failed';
  useEffect(() => {
    if (failed) return;
    let gone = false;
    let element: StripePaymentElement | undefined;
    stripe(publishableKey)
      .then((sdk) => {
        if (!gone) element = mount(sdk);
      })
      .catch(() => setState('failed'));
    return () => {
      gone = true;
      element?.destroy();
    };
  }, [failed, publishableKey]);

  useImperativeHandle(ref, () => ({
    token: async () => {
      if (token.current) return { token: token.current };
      if (!mounted.current) return { errors: [{ __typename: 'CardError', message: 'The card form is still loading.' }] };
      const { sdk, elements } = mounted.current;
      // The form shows the errors of its fields.
      const { error: invalid } = await elements.submit();
      if (invalid) return { errors: [{ __typename: 'CardError', message: invalid.message }] };
      const { paymentMethod, error } = await sdk.createPaymentMethod({ elements });
      if (error) return { errors: [{ __typename: 'CardError', message: error.message }] };
      token.current = paymentMethod.id;
      return { token: paymentMethod.id };
    },
    used: () => (token.current = undefined),
  }));

  if (failed)
    return (
      <Notice tone="bad" title="The card form didn’t load">
        <p>It comes from Stripe, our card processor. An ad blocker or your network may be blocking it.</p>
        <Button onClick={() => setState('loading')}>Try again</Button>
      </Notice>
    );
  return (
    <div className={css.card} aria-busy={state === 'loading'}>
      {state === 'loading' && <Skeleton height="100%" className={css.blank} />}
      <div ref={place} />
    </div>
  );
}

/** The shop's colours and font, which a frame does not inherit. */
function appearance() {
  const style = getComputedStyle(document.documentElement);
  const probe = document.createElement('span');
  document.body.append(probe);
  // A colour of the theme in a notation that Stripe accepts.
  const colour = (name: string) => {
    probe.style.color = style.getPropertyValue(name);
    return getComputedStyle(probe).color;
  };
  const variables = {
    colorPrimary: colour('--accent'),
    colorBackground: colour('--surface'),
    colorText: colour('--ink'),
    colorDanger: colour('--bad'),
    fontFamily: 'system-ui, sans-serif',
    borderRadius: '12px',
  };
  probe.remove();
  return { variables };
}
