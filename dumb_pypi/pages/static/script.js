'use strict';

// The URL of the index: this file is in its folder `static`.
const root = new URL('..', document.currentScript.src);

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Links to a project by its name, and forms, open the list of projects, which cannot search. With
// JavaScript the home page takes over.

function handOverSearch() {
  const parameters = new URLSearchParams(location.search);
  const list = new URL('projects/', root).pathname;
  // At file: URLs there is neither a search nor a home page without `index.html`.
  if (location.protocol === 'file:' || ![list, `${list}index.html`].includes(location.pathname)
      || !['q', 'name'].some((key) => parameters.get(key)?.trim())) return;
  // Until then, show nothing.
  document.documentElement.hidden = true;
  location.replace(new URL(location.search, root));
}

// If the build did not know the public URL, put the current one into install commands.

function nameIndex() {
  const placeholder = document.querySelector('.placeholder');
  if (placeholder === null) return;
  const written = placeholder.querySelector('code').textContent;
  for (const command of document.querySelectorAll('.cmd')) {
    const texts = document.createTreeWalker(command, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      text.data = trusting(text.data.replaceAll(written, root.href));
    }
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

const status = element('p', {className: 'vh', role: 'status'});

// An icon of the file that the page draws with.
function icon(name) {
  const file = document.querySelector('use')?.href.baseVal.split('#')[0];
  if (file === undefined) return '';
  const [svg, use] = ['svg', 'use'].map(
    (tag) => document.createElementNS('http://www.w3.org/2000/svg', tag),
  );
  svg.classList.add('i');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `${file}#${name}`);
  svg.append(use);
  return svg;
}

// The element whose text each button copies.
const sources = new WeakMap();

// `what` is what screen readers say of the button.
function copyButton(code, what) {
  const button = element('button', {
    type: 'button', className: 'copy', ariaLabel: `Copy ${what}`,
  }, icon('copy'), element('span', {textContent: 'Copy'}));
  sources.set(button, code);
  return button;
}

function addCopyButtons() {
  for (const command of document.querySelectorAll('.cmd')) {
    const heading = command.closest('details')?.querySelector('summary');
    const button = copyButton(
      command.querySelector('code'), heading ? `for ${heading.textContent}` : 'the command',
    );
    // Settings have a line that says where they belong, with room for the button.
    const place = command.previousElementSibling;
    const lastTab = [...command.closest('.tabs')?.querySelectorAll('label') ?? []].at(-1);
    if (place?.matches('.panel > p')) place.append(button);
    else if (lastTab) lastTab.after(button);
    else command.prepend(button);
  }
  // A page has too many files to add buttons that nobody sees.
  document.addEventListener('toggle', ({target}) => addReleaseButtons(target), true);
  for (const details of document.querySelectorAll('.rel details[open]')) addReleaseButtons(details);
  document.body.append(status);
  document.addEventListener('click', ({target}) => {
    const button = target.closest('.copy');
    if (button) copy(button);
  });
}

// For an unfolded release or group of its files.
function addReleaseButtons(details) {
  addRequirement(details);
  for (const hash of details.querySelectorAll('a[href] ~ code:last-child')) {
    // Those of a folded group of files are added later.
    if (hash.closest('details') !== details) continue;
    hash.after(copyButton(hash, `the hash of ${hash.parentNode.querySelector('a').textContent}`));
  }
}

// Show the requirement that installs a release, if there is one.
function addRequirement(details) {
  const {pin} = details.dataset;
  if (!pin || details.querySelector('.req')) return;
  const code = element('code', {textContent: pin});
  details.querySelector('summary').after(
    element('p', {className: 'req'}, code, ' ', copyButton(code, `the requirement ${pin}`)),
  );
}

// Tell how many projects require this one. Its page does not, so that it need not change with them.

async function countDependents() {
  const link = document.querySelector('.sections [href="dependents/"]');
  if (link === null) return;
  try {
    const response = await fetch(link.href);
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const count = page.querySelector('[data-count]')?.dataset.count;
    if (count === undefined) return;
    link.querySelector('.n').ariaHidden = null;
    link.querySelector('.n').textContent = count;
  } catch {
    // Browsers read no other page from file: URLs.
  }
}

let reset;

async function copy(button) {
  const code = sources.get(button);
  const word = button.lastChild;
  try {
    // Only what the page shows: `textContent` has the commands of all installers.
    await navigator.clipboard.writeText(code.innerText.trim());
    word.textContent = 'Copied';
  } catch {
    // Browsers forbid pages without https to write to the clipboard.
    getSelection().selectAllChildren(code);
    word.textContent = document.execCommand('copy') ? 'Copied' : 'Selected';
  }
  status.textContent = word.textContent;
  clearTimeout(reset);
  reset = setTimeout(() => {
    for (const {lastChild} of document.querySelectorAll('.copy')) lastChild.textContent = 'Copy';
    status.textContent = '';
  }, 2000);
}

// Installers. The one that somebody chose is chosen on the next page, too.

function rememberInstaller() {
  try {
    const chosen = localStorage.getItem('installer');
    for (const tab of document.querySelectorAll('.tabs > input')) {
      if (tab.id === chosen) tab.checked = true;
      tab.addEventListener('change', () => localStorage.setItem('installer', tab.id));
    }
  } catch {
    // Browsers can forbid pages to store anything.
  }
}

// Releases. A number is the beginning of a version; a word is in the release or in its files.

function addFilter(tools) {
  const input = tools.querySelector('input');
  const releases = [...tools.parentNode.querySelectorAll('.rel > *')].map((release) => [
    release, release.querySelector('b').textContent, release.textContent.toLowerCase(),
  ]);
  const nothing = element('p', {
    className: 'more', hidden: true, textContent: `None of the ${releases.length} releases here match. `
      + (input.dataset.elsewhere ?? ''),
  });
  tools.after(nothing);
  input.addEventListener('input', () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [release, version, text] of releases) {
      release.hidden = !words.every(
        (word) => (/^\d/.test(word) ? version.startsWith(word) : text.includes(word)),
      );
      shown += !release.hidden;
    }
    nothing.hidden = shown > 0;
    status.textContent = `${shown} release${shown === 1 ? '' : 's'}`;
  });
  tools.hidden = false;
}

// Projects. A list that is complete can be filtered, and sorted by other values than the name.

function addListTools(tools) {
  const [input, order] = ['input', 'select'].map((tag) => tools.querySelector(tag));
  const lists = [...document.querySelectorAll('.list')];
  const rows = lists.map((list) => [...list.children]);
  // Names are compared however their separators are written.
  const comparable = (text) => text.toLowerCase().replace(/[-_.]+/g, '-');
  const texts = new Map(rows.flat().map((row) => [row, comparable(
    [...row.querySelectorAll('.name, .ver, .sum, .tag')].map((part) => part.textContent).join('\n'),
  )]));
  const arranged = element('ol', {className: lists[0].className, hidden: true});
  const count = document.querySelector('.count');
  const total = count.textContent;
  const buttons = ['name', 'used', 'date'].flatMap((value) => {
    const heading = document.querySelector(`.columns .${value}`);
    if (heading === null || order === null) return [];
    const button = element('button', {type: 'button', textContent: heading.textContent, value});
    heading.replaceChildren(button);
    return [button];
  });
  const nothing = element('p', {
    className: 'more', hidden: true, textContent: 'None of the projects here match.',
  });
  lists[0].closest('main').querySelector('.columns').after(arranged, nothing);
  const values = {
    date: (row) => Date.parse(row.querySelector('time')?.dateTime) || 0,
    used: (row) => Number(row.querySelector('.uses')?.lastChild.data.replaceAll(',', '') ?? 0),
  };
  const update = () => {
    const valueOf = values[order?.value];
    const words = comparable(input.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, text] of texts) {
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    const isWhole = !valueOf && words.length === 0;
    if (isWhole) {
      lists.forEach((list, number) => list.append(...rows[number]));
    } else {
      const all = rows.flat();
      arranged.append(...valueOf ? all.sort((one, other) => valueOf(other) - valueOf(one)) : all);
    }
    arranged.hidden = isWhole;
    for (const group of document.querySelectorAll('.group')) group.hidden = !isWhole;
    // Letters of the page itself. Others lead to other pages.
    for (const letters of document.querySelectorAll('.letters:has([href^="#"])')) {
      letters.hidden = !isWhole;
    }
    for (const button of buttons) button.ariaPressed = String(button.value === order.value);
    nothing.hidden = shown !== 0;
    count.textContent = words.length === 0 ? total : `${shown.toLocaleString('en')} of ${total}`;
    status.textContent = count.textContent;
  };
  for (const control of [input, order]) control?.addEventListener('input', update);
  for (const button of buttons) {
    button.addEventListener('click', () => {
      order.value = button.value;
      update();
    });
  }
  if (buttons.length !== 0) document.querySelector('.columns').ariaHidden = null;
  tools.hidden = false;
  update();
}

// Newer browsers unfold the target of a link themselves.
function unfoldTarget() {
  const details = document.getElementById(location.hash.slice(1))?.closest('.rel details');
  if (details) details.open = true;
}

// Dates: say how long ago, unless it is long ago. The exact time stays in a tooltip.

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
    if (passed < 0 || passed > 30 * DAY) continue;
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

// On phones the letters scroll.
function showCurrentLetter() {
  document.querySelector('.letters [aria-current]')
    ?.scrollIntoView({block: 'nearest', inline: 'center'});
}

handOverSearch();
showCurrentLetter();
nameIndex();
relateDates();
rememberInstaller();
addCopyButtons();
countDependents();
for (const tools of document.querySelectorAll('.tools')) {
  if (tools.matches('.of-list')) addListTools(tools);
  else addFilter(tools);
}
addEventListener('hashchange', unfoldTarget);
unfoldTarget();
