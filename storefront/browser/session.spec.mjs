// Variant: auth.ACCESS_TOKEN_TTL=2s
// The session across tabs and devices.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exactly, look, person, sell, signUp, tab } from './harness.mjs';

/** @param {import('playwright-core').Page} page */
const menu = (page) => page.getByRole('button', { name: 'Account of Johann' });

test('tabs share the session, and no data of a previous viewer is left', async () => {
  const browser = await person();
  const [one, two] = [await tab(browser), await tab(browser)];
  await two.goto('/');
  await two.getByRole('link', { name: 'Sign in' }).waitFor();
  await signUp(one);
  await menu(two).waitFor();

  await two.goto('/listings');
  await two.getByText('No listings yet').waitFor();
  await one.getByRole('button', { name: 'Account of Johann' }).click();
  await one.getByRole('button', { name: 'Sign out', exact: true }).click();
  await one.getByRole('link', { name: 'Sign in' }).waitFor();
  await two.waitForURL('**/sign-in?next=%2Flistings');
  await signUp(one, 'Clara');
  await two.getByRole('button', { name: 'Account of Clara' }).waitFor();
  await exactly(two.getByText('Johann', { exact: true }), 0);
  one.assertNoFaults();
  two.assertNoFaults();
});

test('a session is renewed and outlives its tokens', async () => {
  const browser = await person();
  const page = await tab(browser);
  await signUp(page);
  const token = async () => (await browser.cookies()).map(({ name, value }) => name + value).join();
  const first = await token();
  const until = Date.now() + 30_000;
  while ((await token()) === first && Date.now() < until) {
    await page.goto('/account');
    await page.getByText('Signed in until').waitFor();
    await menu(page).waitFor();
  }
  assert.notEqual(await token(), first, 'the tokens were not renewed');
  await look(page, 'account');
  page.assertNoFaults();
});

test('sign-out everywhere needs confirmation and reaches other devices', async () => {
  const [laptop, phone] = [await tab(await person()), await tab(await person())];
  const account = await signUp(laptop);
  await phone.goto('/sign-in?next=/account');
  await phone.getByLabel('Email').fill(account.email);
  await phone.getByLabel('Password', { exact: true }).fill(account.password);
  await phone.getByRole('button', { name: 'Sign in', exact: true }).click();
  await phone.getByRole('heading', { name: 'Your account' }).waitFor();
  const live = phone
    .waitForEvent('websocket')
    .then((socket) => socket.waitForEvent('framereceived', ({ payload }) => payload.includes('"next"')));
  await phone.goto(`/tickets/${(await sell()).id}`);
  await live;

  await menu(laptop).click();
  await laptop.getByRole('button', { name: 'Sign out everywhere' }).click();
  const dialog = laptop.getByRole('dialog', { name: 'Sign out everywhere?' });
  await dialog.waitFor();
  await look(laptop, 'sign-out-everywhere');
  await laptop.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await menu(laptop).waitFor();

  await menu(laptop).click();
  await laptop.getByRole('button', { name: 'Sign out everywhere' }).click();
  await dialog.getByRole('button', { name: 'Sign out everywhere' }).click();
  await laptop.getByRole('link', { name: 'Sign in' }).waitFor();
  await phone.getByText('You’ve been signed out.').first().waitFor();
  await phone.getByRole('link', { name: 'Sign in' }).waitFor();
  laptop.assertNoFaults();
});
