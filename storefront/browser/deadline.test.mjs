// System: orders.HOLD=25s orders.PAYMENT_FAILURE=retry payments.PAYMENT_FAILURE=retry
import { test } from 'node:test';
import { look, person, sell, signUp, tab } from './harness.mjs';

test('the time runs out before one’s eyes', async () => {
  const { id } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  await page.getByRole('heading', { name: 'Held for you' }).waitFor();
  const list = await tab(page.context());
  await list.goto('/orders?show=live');
  await list.getByRole('timer').waitFor();
  await page.getByText('Less than 10 seconds left to pay.').waitFor({ state: 'attached' });
  await look(page, 'order-soon-over');
  await page.getByRole('heading', { name: 'The time ran out' }).waitFor();
  await look(page, 'order-expired');
  await list.getByText('Not paid in time').waitFor();
  await page.getByRole('link', { name: 'Back to the ticket' }).click();
  await page.getByRole('button', { name: 'Buy for €64.00' }).waitFor();
  page.assertNoFaults();
  list.assertNoFaults();
});

test('a card is refused, and another one pays', async () => {
  const { id } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  const empty = page.getByRole('radio', { name: 'Empty' });
  await empty.check();
  const pay = page.getByRole('button', { name: 'Pay €64.00' });
  await pay.click();
  await page.getByRole('alert').filter({ hasText: 'There is not enough money on the card. Nothing was charged.' }).waitFor();
  await page.getByRole('heading', { name: 'Held for you' }).waitFor();
  if (!(await empty.isChecked())) throw new Error('what was chosen is gone');
  await page.getByRole('radio', { name: 'Visa', exact: false }).first().check();
  await pay.click();
  await page.getByRole('heading', { name: 'It is yours' }).waitFor();
  await page.getByText('You tried to pay').waitFor();
  await look(page, 'order-second-card');
  page.assertNoFaults();
});
