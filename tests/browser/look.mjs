// Checks every page of a folder in a real browser: axe-core, and what axe cannot see.
//
// node look.mjs FOLDER BROWSER
//
// FOLDER has `<page>.<language>.html` and `style.css`. Each problem is a line; the last line
// is the number of pages. The exit code is 1 if there is a problem.

import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { focusOrder, overflow, ring, targets } from './checks.mjs';

const [folder, executablePath] = process.argv.slice(2);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const ORIGIN = 'https://larresa.ekdala.example';

// The headers of the server, so that what it forbids is forbidden here, too.
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'same-origin',
};

// What a person may set: text of double size, and the spacing of WCAG 1.4.12.
const LARGE = 'html { font-size: 225% !important }';
const SPACED =
  '* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }';

// How a page is looked at: name, media, width, and what axe checks. The structure of a page is the
// same in all of them, so only the first is checked for everything.
const ALL = { type: 'tag', values: TAGS };
const LOOK = { type: 'rule', values: ['color-contrast', 'link-in-text-block', 'target-size'] };
const LOOKS = [
  ['light', { colorScheme: 'light', forcedColors: 'none' }, 800, ALL],
  ['dark', { colorScheme: 'dark', forcedColors: 'none' }, 800, LOOK],
  ['forced colours', { colorScheme: 'light', forcedColors: 'active' }, 800, LOOK],
  ['narrow', { colorScheme: 'light', forcedColors: 'none' }, 320, LOOK],
];

const names = fs.readdirSync(folder).filter((name) => name.endsWith('.html')).sort();
const style = fs.readFileSync(path.join(folder, 'style.css'), 'utf8');
const problems = [];
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

// A page with a window, a scheme and a style of the reader.
async function open({ width = 800, height = 900, more = '', ...options }) {
  const context = await browser.newContext({ viewport: { width, height }, ...options });
  const page = await context.newPage();
  const state = { name: names[0], posts: [] };
  await page.route('**/*', (route) => {
    const request = route.request();
    if (request.url().endsWith('/static/style.css')) {
      return route.fulfill({ contentType: 'text/css', body: style + more });
    }
    if (request.method() === 'POST') state.posts.push(request.postData() ?? '');
    const body = fs.readFileSync(path.join(folder, state.name), 'utf8');
    return route.fulfill({ contentType: 'text/html; charset=utf-8', headers: HEADERS, body });
  });
  page.on('console', (message) => problems.push(`${state.name}: the browser says: ${message.text()}`));
  const go = async (name) => {
    state.name = name;
    await page.goto(`${ORIGIN}/answer/${name}`);
  };
  return { page, state, go, close: () => context.close() };
}

// axe-core in each scheme, and on a narrow screen.
async function accessible(page, name) {
  await page.evaluate(axe);
  for (const [what, media, width, runOnly] of LOOKS) {
    await page.emulateMedia(media);
    await page.setViewportSize({ width, height: 900 });
    const found = await page.evaluate((runOnly) => axe.run(document, { runOnly }), runOnly);
    for (const { id, nodes } of found.violations) {
      const where = nodes.map((node) => node.target.join(' ')).join(', ');
      problems.push(`${name}, ${what}: axe ${id}: ${where}`);
    }
  }
}

// Everything fits the width, and everything to press is large enough.
async function fits(page, name, what) {
  for (const problem of await page.evaluate(overflow)) problems.push(`${name}, ${what}: ${problem}`);
  for (const problem of await page.evaluate(targets)) problems.push(`${name}, ${what}: ${problem}`);
}

// With the keyboard alone: the focus follows the source and can be seen.
async function keyboard(page, name) {
  const order = await page.evaluate(focusOrder);
  for (const expected of order) {
    await page.keyboard.press('Tab');
    const { id, faults } = await page.evaluate(ring);
    for (const fault of faults) problems.push(`${name}: ${expected}: ${fault}`);
    if (id !== expected) return problems.push(`${name}: the focus is on ${id}, not on ${expected}`);
  }
}

// Scripts off: choose with the space bar, write, and press the last button of the page.
async function operate(page, state, name) {
  const form = page.locator('main form').last();
  if ((await form.count()) === 0) return;
  const radio = form.locator('input[type=radio]').first();
  const text = form.locator('textarea').first();
  let chosen = '';
  if (await radio.count()) {
    await radio.focus();
    await page.keyboard.press('Space');
    chosen = await radio.getAttribute('name');
  }
  if (await text.count()) {
    await text.focus();
    await page.keyboard.type('Hej');
  }
  await form.locator('button').last().focus();
  state.posts.length = 0;
  const shown = page.waitForNavigation({ timeout: 10_000 });
  await page.keyboard.press('Enter');
  await shown.catch(() => problems.push(`${name}: the button sent nothing`));
  const sent = new URLSearchParams(state.posts[0] ?? '');
  const isWhole = sent.has('link') || (sent.has('do') && sent.has('f'));
  if (!isWhole) problems.push(`${name}: sent without token or button`);
  if (chosen && !sent.has(chosen)) problems.push(`${name}: ${chosen} was chosen and not sent`);
}

async function every(options, check, chosen = names) {
  const { page, state, go, close } = await open(options);
  for (const name of chosen) {
    await go(name);
    await check(page, name, state);
  }
  await close();
}

// Each is a window of its own; they are looked at side by side.
const half = (place) => names.filter((_, index) => index % 2 === place);
const inEachScheme = async (page, name) => {
  await accessible(page, name);
  await page.emulateMedia({ colorScheme: 'light', forcedColors: 'none' });
  await page.setViewportSize({ width: 320, height: 640 });
  await fits(page, name, '320 pixels');
};
await Promise.all([every({}, inEachScheme, half(0)), every({}, inEachScheme, half(1))]);
await Promise.all([
  every({ width: 320, more: SPACED }, (page, name) => fits(page, name, 'spaced text')),
  every({ width: 640, more: LARGE }, (page, name) => fits(page, name, 'text of double size')),
  every({ javaScriptEnabled: false }, (page, name, state) => operate(page, state, name)),
]);
// One after the other: a window without the focus gets no keys.
for (const [colorScheme, language] of [['light', 'sv'], ['dark', 'en']]) {
  const chosen = names.filter((name) => name.endsWith(`.${language}.html`));
  await every({ colorScheme, width: 320, height: 500 }, keyboard, chosen);
}
await browser.close();

problems.forEach((problem) => console.log(problem));
console.log(`${names.length} pages`);
process.exitCode = problems.length ? 1 : 0;
