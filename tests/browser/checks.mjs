// What is checked inside a page. Each function runs in the browser and uses nothing from
// outside itself.

// What is wider than the window.
export function overflow() {
  const found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`${root.scrollWidth} pixels wide`);
  for (const element of document.querySelectorAll('body *')) {
    if (element.closest('.unseen')) continue;
    const { left, right } = element.getBoundingClientRect();
    if (left < -1 || right > root.clientWidth + 1) found.push(`${element.tagName.toLowerCase()}.${element.className} reaches ${Math.round(right)}`);
    if (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX !== 'visible') {
      found.push(`${element.tagName.toLowerCase()}.${element.className} cuts its text`);
    }
  }
  return found;
}

// What is smaller than 44 pixels; links inside a sentence are as high as its lines.
export function targets() {
  const found = [];
  for (const element of document.querySelectorAll('a[href], button, input:not([type=hidden]), textarea, select')) {
    const inSentence = element.matches('p a') && !element.matches('.button a, .film a, .go');
    if (inSentence) continue;
    const { width, height } = (element.closest('label') ?? element).getBoundingClientRect();
    if (width < 43.9 || height < 43.9) {
      found.push(`${element.tagName.toLowerCase()} of ${Math.round(width)} x ${Math.round(height)} pixels: ${element.textContent || element.name}`);
    }
  }
  return found;
}

// Everything that can have the focus, in the order of the source; of radio buttons with the
// same name only the chosen one, or else the first.
export function focusOrder() {
  const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), textarea, select')];
  const isStop = (element) => {
    if (element.type !== 'radio') return true;
    const group = all.filter((other) => other.type === 'radio' && other.name === element.name);
    return element === (group.find((other) => other.checked) ?? group[0]);
  };
  all.forEach((element, place) => element.setAttribute('data-place', `${place} ${element.tagName.toLowerCase()}`));
  // The browser has a focus for each part of a date.
  return all.filter(isStop).flatMap((element) => Array(element.type === 'date' ? 4 : 1).fill(element.getAttribute('data-place')));
}

// The element with the focus, and what is wrong with how that is shown.
export function ring() {
  const element = document.activeElement;
  const id = element.getAttribute('data-place') ?? element.tagName.toLowerCase();
  const faults = [];
  const shown = element.closest('.option') ?? element;
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(shown);
  if (outlineStyle === 'none' || parseFloat(outlineWidth) < 3) faults.push(`a focus ring of ${outlineWidth} ${outlineStyle}`);
  const numbers = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const light = (color) => {
    const [r, g, b] = numbers(color).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let behind = shown.parentElement;
  while (behind.parentElement && numbers(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const [a, b] = [light(outlineColor), light(getComputedStyle(behind).backgroundColor)].sort((x, y) => y - x);
  const contrast = (a + 0.05) / (b + 0.05);
  if (contrast < 3) faults.push(`a focus ring with a contrast of ${contrast.toFixed(1)}`);
  const box = element.getBoundingClientRect();
  const [x, y] = [box.left + Math.min(box.width, 300) / 2, Math.max(box.top, 0) + Math.min(box.height, innerHeight) / 2];
  const top = document.elementFromPoint(x, Math.min(y, innerHeight - 1));
  if (!top || !(element.contains(top) || top.contains(element))) faults.push('the focus is hidden');
  return { id, faults };
}
