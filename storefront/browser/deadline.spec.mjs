// System: orders.HOLD=25s
// The whole journey of three people, through nothing but the pages; one of them lets the time run out.
import { test } from 'node:test';
import { look, person, signUp, tab } from './harness.mjs';

test('S7 Maria sells, Johann buys and pays, and Clara’s time runs out before everybody’s eyes', async () => {
  const mark = crypto.randomUUID().slice(0, 8);
  const maria = await tab(await person());
  await signUp(maria, 'Maria');
  for (const [what, price] of /** @type {const} */ ([
    [`Tosca ${mark} – Teatro alla Scala – Galleria, seat 41`, '84.50'],
    [`Aida ${mark} – Arena di Verona – Gradinata`, '42.00'],
  ])) {
    await maria.getByRole('link', { name: 'Sell', exact: true }).click();
    await maria.getByLabel('What it is for').fill(what);
    await maria.getByLabel('Price').fill(price);
    await maria.getByRole('button', { name: 'Put it on sale' }).click();
    await maria.waitForURL('**/tickets/tkt_*');
    await maria.getByRole('link', { name: 'you, change it' }).waitFor();
  }
  await maria.getByRole('button', { name: 'Account of Maria' }).click();
  await maria.getByRole('link', { name: 'Your listings' }).click();
  const listing = (/** @type {string} */ what) => maria.getByRole('article').filter({ hasText: what });
  await listing('Tosca').getByText('Available', { exact: true }).waitFor();
  await listing('Aida').getByText('Available', { exact: true }).waitFor();

  // Johann finds one of them, takes it with one click, pays, and sees at once that it is his; Maria sees it, too.
  const johann = await tab(await person());
  await signUp(johann, 'Johann');
  await find(johann, mark, 'Tosca');
  await johann.getByRole('button', { name: 'Buy for £84.50' }).click();
  await johann.getByRole('heading', { name: 'Held for you' }).waitFor();
  await listing('Tosca').getByText('Reserved', { exact: true }).waitFor();
  await johann.getByRole('button', { name: 'Pay £84.50' }).click();
  await johann.getByRole('heading', { name: 'It is yours' }).waitFor();
  await listing('Tosca').getByText('Sold', { exact: true }).waitFor();

  // Clara takes the other one, and so it is gone for Johann, who has just found it.
  const clara = await tab(await person());
  await signUp(clara, 'Clara');
  await find(johann, mark, 'Aida');
  await johann.getByRole('button', { name: 'Buy for £42.00' }).waitFor();
  await find(clara, mark, 'Aida');
  await clara.getByRole('button', { name: 'Buy for £42.00' }).click();
  await clara.getByRole('heading', { name: 'Held for you' }).waitFor();
  await johann.getByText('Somebody is about to pay for it').waitFor();
  await listing('Aida').getByText('Reserved', { exact: true }).waitFor();

  // She does not pay. The time that is left runs out on all of her pages, and the ticket comes back to all others.
  const list = await tab(clara.context());
  await list.goto('/orders?show=live');
  await list.getByRole('timer').waitFor();
  await clara.getByText('Less than 10 seconds left to pay.').waitFor({ state: 'attached' });
  await look(clara, 'order-soon-over');
  await clara.getByRole('heading', { name: 'The time ran out' }).waitFor();
  await list.getByText('Not paid in time').waitFor();
  await johann.getByRole('button', { name: 'Buy for £42.00' }).waitFor();
  await listing('Aida').getByText('Available', { exact: true }).waitFor();
  await look(clara, 'order-expired');
  await clara.getByRole('link', { name: 'Back to the ticket' }).click();
  await clara.getByRole('button', { name: 'Buy for £42.00' }).waitFor();
  for (const page of [maria, johann, clara, list]) page.assertNoFaults();
});

/**
 * Finds a ticket with the search of the first page, and opens it.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} mark
 * @param {string} what
 */
async function find(page, mark, what) {
  await page.getByRole('link', { name: 'Boxoffice' }).click();
  await page.getByRole('heading', { level: 1, name: 'Somebody cannot go' }).waitFor();
  await page.getByLabel('Search tickets').fill(mark);
  await page.getByRole('heading', { level: 1, name: `Tickets for “${mark}”` }).waitFor();
  await page.getByRole('link', { name: `${what} ${mark}` }).click();
  await page.getByRole('heading', { level: 1, name: `${what} ${mark}` }).waitFor();
}
