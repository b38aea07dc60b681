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

// Search. The home page searches while somebody types; forms of other pages open the home page.

function leadHome(form) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    location.href = `${root.href}?${new URLSearchParams({q: form.elements.q.value})}`;
  });
}

class Search {
  constructor(form) {
    this.input = form.elements.q;
    this.status = document.querySelector('.found');
    this.results = document.querySelector('.results');
    this.data = form.dataset;
    // The query of the results; whether an answer is pending; whether somebody submitted the query,
    // and waits for the answer.
    this.shown = '';
    this.busy = false;
    this.entered = false;

    this.input.addEventListener('focus', () => this.load(), {once: true});
    this.input.addEventListener('input', () => {
      this.entered = false;
      this.ask();
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      // The answer may still be pending.
      this.entered = true;
      this.ask();
      this.writeAddress();
    });
    // The back button returns to these results.
    this.results.addEventListener('click', () => this.writeAddress());
    for (const place of [form, this.results]) {
      place.addEventListener('keydown', (event) => this.move(event));
    }
    addEventListener('popstate', () => this.readAddress());
    this.readAddress();
    // Focus a query from the URL to continue it; without one, the arrow keys should scroll.
    if (this.input.value !== '') this.input.focus({preventScroll: true});
  }

  readAddress() {
    this.input.value = new URLSearchParams(location.search).get('q') ?? '';
    if (this.input.value !== '' || this.worker) this.ask();
  }

  writeAddress() {
    const address = new URL(location.pathname, location.href);
    if (this.input.value.trim() !== '') address.searchParams.set('q', this.input.value.trim());
    if (address.href !== location.href) history.replaceState(null, '', address);
  }

  load() {
    if (this.worker || this.failed) return;
    try {
      this.worker = new Worker(this.data.worker);
    } catch {
      // Browsers refuse workers for pages at file: URLs.
      this.fail();
      return;
    }
    this.worker.onmessage = ({data}) => this.answer(data);
    this.worker.onerror = () => this.fail();
    this.worker.postMessage({
      names: new URL(this.data.names, location.href).href,
      summaries: new URL(this.data.summaries, location.href).href,
    });
    this.busy = true;
    this.status.textContent = 'Loading the names of all projects…';
  }

  ask() {
    this.load();
    clearTimeout(this.timer);
    // Browsers limit how often a page may change its address.
    this.timer = setTimeout(() => this.writeAddress(), 300);
    this.shown = null;
    this.results.ariaBusy = String(!this.failed);
    this.next();
  }

  next() {
    if (this.busy || this.shown === this.input.value || this.failed) return;
    this.shown = this.input.value;
    this.busy = true;
    this.worker.postMessage({query: this.shown});
  }

  answer({failed, found, more, done, last}) {
    if (failed) {
      this.fail();
      return;
    }
    if (done) this.busy = false;
    if (found && this.shown === this.input.value) this.show(found, more, last);
    else if (!found && this.shown === '') this.status.textContent = '';
    // The summaries are loaded, so the same query may find more.
    if (!found && this.shown !== '') this.shown = null;
    if (!this.busy) this.next();
  }

  show(found, more, last) {
    const number = `${found.length} project${found.length === 1 ? '' : 's'}`;
    const asked = this.input.value.trim() !== '';
    // The summaries may contain more.
    this.status.textContent = !asked || (!last && found.length === 0) ? '' :
      more ? `The best ${number}` : found.length === 0 ? 'No project found' : number;
    const focused = this.links().indexOf(document.activeElement);
    this.results.replaceChildren(...found.map(([name, summary]) => element('li', {}, element(
      'a', {href: `${root.href}project/${encodeURIComponent(name)}/`},
      element('b', {textContent: name}), ' ', element('bdi', {textContent: summary}),
    ))));
    this.results.hidden = found.length === 0;
    this.results.ariaBusy = String(!last);
    if (focused !== -1) this.links()[focused]?.focus();
    if (this.entered) this.enter(found, last);
  }

  // Open the only or exact match; otherwise focus the first result, so that Enter opens it.
  enter(found, last) {
    const [first] = this.links();
    const name = this.input.value.trim().toLowerCase().replace(/[-_.]+/g, '-');
    // The summaries may match further projects.
    if (!last && found.length < 2 && found[0]?.[0] !== name) return;
    this.entered = false;
    if (found.length === 1 || found[0]?.[0] === name) first.click();
    else first?.focus();
  }

  fail() {
    this.failed = true;
    this.results.ariaBusy = 'false';
    const link = element('a', {href: `${root.href}simple/`, textContent: 'all projects'});
    const why = location.protocol === 'file:' ?
      'The search needs a web server, such as python3 -m http.server' :
      'The search does not work here and now';
    this.status.replaceChildren(`${why}. There is a list of `, link, '.');
  }

  links() {
    return [...this.results.querySelectorAll('a')];
  }

  move(event) {
    const places = [this.input, ...this.links()];
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    const place = places.indexOf(document.activeElement);
    if (step && place !== -1 && places[place + step]) {
      event.preventDefault();
      places[place + step].focus();
    } else if (place > 0 && (event.key === 'Escape' || isText(event))) {
      // Typed characters go to the search field.
      this.input.focus();
    }
  }
}

// A space is not among them: it scrolls the page.
function isText({key, ctrlKey, metaKey, altKey}) {
  return (/^\S$/u.test(key) || key === 'Backspace') && !ctrlKey && !metaKey && !altKey;
}

function focusOnSlash(event) {
  const typing = event.target.matches('input, textarea, select, [contenteditable]');
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const input = document.querySelector('[role=search] input');
  input?.focus();
  input?.select();
}

nameIndex();
addCopyButtons();
for (const form of document.querySelectorAll('form.finder')) leadHome(form);
for (const form of document.querySelectorAll('form.search')) new Search(form);
document.addEventListener('keydown', focusOnSlash);
