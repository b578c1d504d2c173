// System: auth.ACCESS_TOKEN_TTL=2s
// Who is signed in, in every tab and on every device.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exactly, look, person, sell, signUp, tab } from './harness.mjs';

/** @param {import('playwright-core').Page} page */
const menu = (page) => page.getByRole('button', { name: 'Account of Johann' });

test('two tabs are in step, and nothing of one person is left for the next', async () => {
  const browser = await person();
  const [one, two] = [await tab(browser), await tab(browser)];
  await two.goto('/');
  await two.getByRole('link', { name: 'Sign in' }).waitFor();
  await signUp(one);
  await menu(two).waitFor();

  await two.goto('/listings');
  await two.getByText('You have not offered anything yet').waitFor();
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

test('a session renews itself, and lasts longer than its tokens', async () => {
  const browser = await person();
  const page = await tab(browser);
  await signUp(page);
  const token = async () => (await browser.cookies()).map(({ name, value }) => name + value).join();
  const first = await token();
  const until = Date.now() + 30_000;
  while ((await token()) === first && Date.now() < until) {
    await page.goto('/account');
    await page.getByText('Stays signed in until').waitFor();
    await menu(page).waitFor();
  }
  assert.notEqual(await token(), first, 'the tokens were renewed');
  await look(page, 'account');
  page.assertNoFaults();
});

test('signing out everywhere asks first, and reaches the other device', async () => {
  const [laptop, phone] = [await tab(await person()), await tab(await person())];
  const account = await signUp(laptop);
  await phone.goto('/sign-in?next=/account');
  await phone.getByLabel('E-mail address').fill(account.email);
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
  await phone.getByText('You have been signed out.').first().waitFor();
  await phone.getByRole('link', { name: 'Sign in' }).waitFor();
  laptop.assertNoFaults();
});
