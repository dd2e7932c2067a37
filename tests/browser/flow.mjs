// Uses the pages of a running server in a real browser, as a person does and as mail scanners do.
//
// node flow.mjs BROWSER PORT WHAT PATH…
//
// The server listens on PORT; its own address is http://127.0.0.1:8080. WHAT is `keyboard`:
// answers, pauses and chooses by the keyboard alone, without scripts, and sees no cookie; or
// `scanner`: opens each page with scripts and sends its forms. Each problem is a line, and the exit
// code is then 1.

import { chromium } from 'playwright-core';

const ORIGIN = 'http://127.0.0.1:8080';
const [executablePath, port, what, ...paths] = process.argv.slice(2);
const args = ['--no-sandbox', `--host-resolver-rules=MAP 127.0.0.1:8080 127.0.0.1:${port}`];
const browser = await chromium.launch({ executablePath, args });
const context = await browser.newContext({ javaScriptEnabled: what === 'scanner', locale: 'sv-SE' });
context.setDefaultTimeout(10_000);
const page = await context.newPage();
const problems = [];
page.on('console', (message) => {
  // A bad link and an empty form are told with a status.
  const isStatus = message.text().startsWith('Failed to load resource');
  const isPage = !message.location().url.includes('/static/');
  if (!(isStatus && isPage)) problems.push(`the browser says: ${message.text()}`);
});

// Presses Tab until this element has the focus.
async function tabTo(selector) {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    if (await page.locator(selector).and(page.locator(':focus')).count()) return;
  }
  throw new Error(`${page.url().split('/')[3]}: the keyboard does not reach ${selector}`);
}

async function press(button) {
  await tabTo(`button[value="${button}"]`);
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
}

async function heading(expected) {
  const found = await page.locator('h1').textContent();
  if (!found.startsWith(expected)) throw new Error(`the heading is ${found}, not ${expected}`);
}

async function keyboard([answer, pause, character, bad]) {
  await page.goto(ORIGIN + answer);
  await tabTo('input[name="q.done"]');
  await page.keyboard.press('Space');
  await press('save');
  await heading('Sparat.');
  await press('remove');
  await heading('Vill du ta bort ditt svar?');
  await press('remove');
  await heading('Svaret är borttaget');

  await page.goto(ORIGIN + pause);
  await tabTo('input[name="for"]');
  await page.keyboard.press('Space');
  await press('save');
  await heading('Mejlen är pausade');
  await press('resume');
  await heading('Mejlen är på igen');

  await page.goto(ORIGIN + character);
  await tabTo('input[name="character"]');
  await page.keyboard.press('Space');
  await press('save');
  await heading('Vill du välja');
  await press('save');
  await heading('Din väg in är');

  await page.goto(ORIGIN + bad);
  await heading('Länken fungerar inte längre');
  await tabTo('form[method="post"] button');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  await heading('Titta i din inkorg');
}

// The first form without a button, and each form by its default button.
async function scanner(paths) {
  for (const path of paths) {
    await page.goto(ORIGIN + path);
    const forms = await page.locator('form').count();
    for (let i = -1; i < forms; i++) {
      const form = page.locator('form').nth(Math.max(i, 0));
      const send = i < 0 ? (form) => form.submit() : (form) => form.requestSubmit(form.querySelector('button'));
      await Promise.all([page.waitForNavigation(), form.evaluate(send)]);
      await page.goto(ORIGIN + path);
    }
  }
}

try {
  await (what === 'scanner' ? scanner(paths) : keyboard(paths));
  for (const cookie of await context.cookies()) problems.push(`a cookie: ${cookie.name}`);
} catch (error) {
  problems.push(error.message);
}
await browser.close();
if (problems.length) console.log(problems.join('\n'));
process.exitCode = problems.length ? 1 : 0;
