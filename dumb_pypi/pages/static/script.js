'use strict';

// The URL of the index: this file is in its folder `static`.
const root = new URL('..', document.currentScript.src);

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// If the build did not know the public URL, put the current one into install commands.

function nameIndex() {
  const placeholder = document.querySelector('.placeholder');
  if (placeholder === null) return;
  const written = placeholder.querySelector('code').textContent;
  for (const code of document.querySelectorAll('.copy code')) {
    code.textContent = trusting(code.textContent.replaceAll(written, root.href));
  }
  placeholder.remove();
}

// pip ignores an index at plain http on another machine without --trusted-host.
function trusting(text) {
  const host = root.hostname.replace(/^\[|\]$/g, '');
  if (root.protocol !== 'http:' || /^(localhost|127(\.\d+){3}|::1)$/.test(host)) return text;
  return text.replace(/--index-url \S+/, `$& --trusted-host ${host}`)
    .replace(/^index-url = .*/m, `$&\ntrusted-host = ${host}`);
}

// Copy buttons.

// Screen readers announce what each of the buttons copies.
function whatIs(place) {
  const file = place.closest('tr')?.cells[0].firstChild;
  if (file) return `the hash of ${file.textContent.trim()}`;
  const client = place.closest('details')?.querySelector('summary') ?? place.previousElementSibling;
  return client ? `for ${client.textContent}` : '';
}

function addCopyButtons() {
  for (const place of document.querySelectorAll('.copy')) {
    place.append(element('button', {
      type: 'button', className: 'copier', textContent: 'Copy', ariaLabel: `Copy ${whatIs(place)}`,
    }));
  }
  // The column is too narrow for a complete hash.
  for (const hash of document.querySelectorAll('td code')) hash.title = hash.textContent;
  const status = element('p', {className: 'aside'});
  status.setAttribute('role', 'status');
  document.body.append(status);
  document.addEventListener('click', async ({target}) => {
    if (!target.matches('.copier')) return;
    let word = 'Copied';
    try {
      await navigator.clipboard.writeText(target.parentNode.querySelector('code').textContent);
    } catch {
      // Browsers forbid pages without https to write to the clipboard.
      getSelection().selectAllChildren(target.parentNode.querySelector('code'));
      word = document.execCommand('copy') ? 'Copied' : 'Selected';
    }
    target.textContent = status.textContent = word;
    setTimeout(() => { target.textContent = 'Copy'; status.textContent = ''; }, 2000);
  });
}

// Dates: say how long ago. The exact time stays in a tooltip.

const DAY = 86_400_000;  // milliseconds
const UNITS = [['year', 365 * DAY], ['month', 30 * DAY], ['day', DAY], ['hour', DAY / 24],
  ['minute', DAY / 1440]];

function ago(milliseconds) {
  const [unit, length] = UNITS.find(([, least]) => milliseconds >= least) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat('en', {numeric: 'auto'})
    .format(-Math.floor(milliseconds / length), unit);
}

function relateDates() {
  const now = Date.now();
  for (const time of document.querySelectorAll('time.ago')) {
    const passed = now - Date.parse(time.dateTime);
    // Below the heading of an older day, the time of day says more.
    if (passed < 0 || (passed >= DAY && time.closest('.log'))) continue;
    time.title = time.dateTime.replace('T', ' ').replace('Z', ' UTC');
    time.textContent = ago(passed);
  }
  // Like all dates, days are those of UTC.
  const today = Math.floor(now / DAY) * DAY;
  for (const time of document.querySelectorAll('time.since')) {
    const passed = today - Date.parse(time.dateTime);
    if (passed < 0) continue;
    const words = passed === 0 ? 'today' : ago(passed);
    time.append(element('span', {className: 'passed', textContent: ` · ${words}`}));
  }
}

nameIndex();
relateDates();
addCopyButtons();
