"""Use a project's page: choose an installer and an extra, find a release and its files."""
from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, Page

from tests.support import chromium, trees
from tests.support.recipes import RECIPES
from tests.support.trees import Facts, json_lines, SITE_URL

SHA256 = f'sha256={"0" * 64}'
SYSTEMS = ('win_amd64', 'win32', 'macosx_11_0_arm64', 'musllinux_1_2_x86_64', 'manylinux1_i686')
PIP = f'pip install --index-url {SITE_URL}simple/ '

LINES: list[Facts] = [
    *({'filename': f'foo-1.{number}.zip', 'hash': SHA256, 'size': number, 'upload_timestamp': (
        86400 * number
    ), 'uploaded_by': 'ana', 'requires_python': '>=3.8', 'requires_dist': [
        'bar>1; sys_platform == "win32"', 'baz; extra == "redis"', 'qux; extra == "cli"',
    ]} for number in range(150)),
    *({'filename': f'wheels-1-cp3{minor}-cp3{minor}-{system}.whl', 'hash': SHA256, 'size': 10 ** 6}
      for minor in range(8, 12) for system in SYSTEMS),
    {'filename': 'epoch-1!2.0.zip', 'requires_dist': ['a; extra == "b"']},
    {'filename': 'pre-1.0rc1.zip'},
    {'filename': 'gone-1.0.zip', 'yanked_reason': 'bad', 'hash': SHA256},
    {'filename': 'evil-1.0.zip', 'hash': SHA256},
    {'filename': 'old-1.0.zip', 'requires_dist': ['foo']},
    {'filename': 'odd-some-version.zip'},
    {'filename': 'odd.zip'},
    {'filename': 'queue-1.0.zip'},
    {'filename': 'crowd-1.0.zip', 'requires_python': '>=3.8', 'upload_timestamp': 0,
     'uploaded_by': 'ana', 'hash': SHA256},
]
FACTS: list[Facts] = [
    {'name': 'foo', 'license_expression': 'MIT', 'author_email': 'Ana <ana@example.com>',
     'keywords': 'cat, purr, שלום', 'description': '# foo\n\nHello!\n\n## Use\n\nText.',
     'description_content_type': 'text/markdown', 'classifiers': ['Development Status :: 4 - Beta'],
     'project_urls': {'Documentation': 'https://example.com/d', 'Very long label ' * 9: (
         'https://very-long-name-of-a-host.example.com/'
     )}},
    {'name': 'evil', 'status': 'quarantined', 'status_reason': 'It steals.'},
    {'name': 'gone', 'status': 'deprecated', 'status_reason': 'Use foo.'},
    {'name': 'old', 'status': 'archived'},
    {'name': 'queue', 'provides_extra': [*(f'x{number}' for number in range(39)), 'redis']},
    {'name': 'odd', 'keywords': 'a'},
    {'name': 'odd-some-version', 'project_urls': {'Source': 'https://example.com/'}},
    {'name': 'pre', 'project_urls': {'Source': 'https://example.com/'}},
    {'name': 'crowd', 'summary': 'Lists of the many people of a project, their names and addresses,'
     ' and what each of them does in it', 'license_expression': 'MIT', 'keywords': 'crowd',
     'provides_extra': ['async', 'postgresql', 'documentation', 'tests', 'yaml'],
     'maintainer_email': ', '.join(f'Name {n} <{n}@example.com>' for n in range(6)),
     'project_urls': {'Documentation': 'https://example.com/d', 'Source': 'https://example.com/s'}},
]
PATHS = (
    'project/foo/', 'project/foo/#1.149', 'project/foo/releases-1.html', 'project/foo/dependents/',
    'project/bar/dependents/', 'project/wheels/', 'project/epoch/', 'project/pre/', 'project/gone/',
    'project/evil/', 'project/old/', 'project/odd-some-version/',
    'project/odd/', 'project/crowd/', 'project/queue/',
)


@pytest.fixture(scope='module')
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    lines = [*LINES, {'filename': 'bar-1.zip'}]
    tree = trees.build(tmp_path_factory.mktemp('tree') / 'web', (
        RECIPES['the sample with a site URL']._replace(
            lines=json_lines(lines), facts=json_lines(FACTS),
        )
    ))
    with chromium.served(tree.server_root) as root:
        yield f'{root}index/'


def command(page: Page) -> str:
    return page.locator('.cmd code').inner_text().strip()


def choose(page: Page, text: str) -> None:
    page.locator('label', has_text=re.compile(f'^{text}$')).click()


@pytest.mark.parametrize(('tab', 'before'), (
    ('pip', PIP), ('uv', f'uv add --default-index {SITE_URL}simple/ '), ('Poetry', 'poetry add '),
    ('PDM', 'pdm add '),
))
def test_command_is_copied(page: Page, index: str, tab: str, before: str) -> None:
    """The clipboard has the command for the chosen installer, extra and pin."""
    page.goto(f'{index}project/foo/')
    for choice, wanted in (
        (tab, 'foo'), ('redis', '"foo[redis]"'), ('Pin the version', '"foo[redis]==1.149"'),
        ('cli', '"foo[cli]==1.149"'), ('none', 'foo==1.149'), ('Pin the version', 'foo'),
    ):
        choose(page, choice)
        assert command(page) == before + wanted
        page.get_by_label('Copy the command').click()
        expect(page.locator('.tabs .copy')).to_have_text('Copied')
        assert page.evaluate('navigator.clipboard.readText()') == before + wanted


def test_copy_button_is_aligned(page: Page, index: str) -> None:
    """It is as far from the top as from the right, and its icon is level with its label."""
    page.goto(f'{index}project/foo/')
    top, right, icon = page.locator('.tabs .copy').evaluate('''(button) => {
        const [box, outer, icon, label] = [button, button.parentNode, ...button.children].map(
            element => element.getBoundingClientRect());
        const middle = ({top, bottom}) => (top + bottom) / 2;
        return [box.top - outer.top, outer.right - box.right, middle(icon) - middle(label)];
    }''')
    assert abs(top - right) <= 0.5
    assert abs(icon) <= 0.5


def test_any_extra_can_be_chosen(page: Page, plain_page: Page, index: str) -> None:
    """Of 40 extras, all but the first are folded, and the last one is in the command too."""
    for one in (page, plain_page):
        one.goto(f'{index}project/queue/')
        expect(one.get_by_text('x4', exact=True)).to_be_visible()
        expect(one.get_by_text('x5', exact=True)).to_be_hidden()
        one.get_by_text('35 more').click()
        for extra in ('x4', 'x5', 'x15', 'x16', 'redis'):
            choose(one, extra)
            assert command(one) == f'{PIP}"queue[{extra}]"'
    page.get_by_label('Copy the command').click()
    expect(page.locator('.tabs .copy')).to_have_text('Copied')
    assert page.evaluate('navigator.clipboard.readText()') == f'{PIP}"queue[redis]"'


@pytest.mark.parametrize('width', chromium.WIDTHS.values())
def test_extras_have_their_own_column(browser: Browser, index: str, width: int) -> None:
    """No extra is below the label "Extra", and the checkbox is on a line of its own at the left."""
    context = browser.new_context(viewport={'width': width, 'height': 800})
    page = context.new_page()
    page.goto(f'{index}project/crowd/')
    label, pin, *extras = page.locator('.picks').evaluate('''(picks) => [
        ...picks.querySelectorAll('legend, .pin'), ...picks.querySelectorAll('.choices span'),
    ].map(item => item.getBoundingClientRect())''')
    assert len({extra['top'] for extra in extras}) > 1
    assert min(extra['left'] for extra in extras) > label['right']
    assert pin['top'] > max(extra['bottom'] for extra in extras)
    assert pin['left'] == label['left']
    context.close()


@pytest.mark.parametrize(('project', 'commands'), (
    ('epoch', [f'{PIP}epoch', f"{PIP}'epoch==1!2.0'"]),
    ('pre', [f'{PIP}--pre pre', f'{PIP}pre==1.0rc1']),
    ('gone', [f'{PIP}gone==1.0', f'{PIP}gone']),
))
def test_pin_changes_the_command(
        plain_page: Page, index: str, project: str, commands: list[str],
) -> None:
    """An epoch is quoted, a pinned pre-release needs no option, yanked releases are pinned."""
    plain_page.goto(f'{index}project/{project}/')
    found = [command(plain_page)]
    choose(plain_page, 'Pin the version')
    assert [*found, command(plain_page)] == commands


def test_tabs_by_keyboard(plain_page: Page, index: str) -> None:
    """Without JavaScript, arrow keys change the installer, and the focus is visible."""
    plain_page.goto(f'{index}project/foo/')
    plain_page.locator('.tabs > input').first.focus()
    for start in ('uv add', 'poetry add', 'pdm add', 'pip install'):
        plain_page.keyboard.press('ArrowRight')
        assert command(plain_page).startswith(start)
    outline = plain_page.locator('.tabs > :focus + label').evaluate(
        'label => getComputedStyle(label).outlineStyle',
    )
    assert outline == 'solid'
    plain_page.keyboard.press('Tab')
    plain_page.keyboard.press('ArrowRight')
    plain_page.keyboard.press('Tab')
    plain_page.keyboard.press('Space')
    assert command(plain_page) == f'{PIP}"foo[redis]==1.149"'


def test_installer_is_remembered(page: Page, index: str) -> None:
    """The installer that somebody chose is chosen on the next page."""
    page.goto(f'{index}project/foo/')
    page.get_by_text('Poetry', exact=True).click()
    page.goto(f'{index}project/pre/')
    assert command(page) == 'poetry add pre'


def test_page_works_without_storage(page: Page, index: str) -> None:
    """If the browser forbids pages to store anything, everything else works."""
    page.add_init_script(
        'Object.defineProperty(window, "localStorage", {get() { throw new Error("no"); }});',
    )
    page.goto(f'{index}project/foo/')
    page.get_by_text('PDM', exact=True).click()
    assert command(page) == 'pdm add foo'
    expect(page.locator('.tools')).to_be_visible()


def test_filter_finds_releases(page: Page, plain_page: Page, index: str) -> None:
    """A number is the beginning of a version, a word is in a release; others are hidden."""
    page.goto(f'{index}project/foo/')
    releases = page.locator('.rel > details:visible')
    shown = releases.count()
    field = page.get_by_label('Filter these releases')
    for text, count in (('1.14', 10), ('1.14 ana', 10), ('1.14 ben', 0), ('ANA', shown),
                        ('foo-1.149.ZIP', 1), ('', shown)):
        field.fill(text)
        expect(releases).to_have_count(count)
        expect(page.get_by_text(
            f'None of the {shown} releases here match. Older releases are on the pages below.',
        )).to_be_visible(visible=not count)
        expect(page.locator('[role=status]', has_text=(
            f'{count} release{"" if count == 1 else "s"}'
        ))).to_have_count(1)
    plain_page.goto(f'{index}project/foo/')
    expect(plain_page.locator('.tools')).to_be_hidden()


def test_link_unfolds_a_release(page: Page, plain_page: Page, index: str) -> None:
    """A link to a folded release unfolds it, with JavaScript or without."""
    for one in (page, plain_page):
        one.goto(f'{index}project/foo/')
        expect(one.get_by_text('foo-1.149.zip')).to_be_visible()
        expect(one.get_by_text('foo-1.120.zip')).to_be_hidden()
        one.goto(f'{index}project/foo/#1.120')
        expect(one.get_by_text('foo-1.120.zip')).to_be_visible()
        expect(one.locator('summary', has_text='1.120')).to_be_in_viewport()
        one.locator('summary', has_text='1.121').click()
        expect(one.get_by_text('foo-1.121.zip')).to_be_visible()


def test_older_releases_are_linked(plain_page: Page, index: str) -> None:
    """Each older release is two clicks away, without JavaScript."""
    plain_page.goto(f'{index}project/foo/')
    assert plain_page.locator('.ranges li').all_inner_texts() == [
        '1.50 to 1.99\n50 releases · 1970-02 to 1970-04',
        '1.0 to 1.49\n50 releases · 1970-01 to 1970-02',
    ]
    # The marks of folded releases and of links are alike, that of an open release is turned.
    opened, closed, link = (plain_page.locator(part).first.evaluate(
        "row => getComputedStyle(row, '::before').transform",
    ) for part in ('[open] > summary', '.rel > :not([open]) > summary', '.ranges li'))
    assert opened != closed == link
    assert plain_page.evaluate('''() => {
        const [one, other] = ['.rel summary b', '.ranges a'].map(
            (part) => document.querySelector(part));
        return one.getBoundingClientRect().left - other.getBoundingClientRect().left;
    }''') == 0
    plain_page.get_by_role('link', name='1.0 to 1.49').click()
    plain_page.locator('summary', has_text='1.7').last.click()
    expect(plain_page.get_by_text('foo-1.7.zip')).to_be_visible()
    plain_page.get_by_role('link', name='Newer releases').click()
    expect(plain_page.get_by_role('heading', name='Releases', exact=True)).to_be_visible()


def test_requirement_of_a_release_is_copied(page: Page, index: str) -> None:
    """An open release has the requirement that installs it, on pages of older releases too."""
    for path, version in (('project/foo/', '1.149'), ('project/foo/releases-1.html', '1.7')):
        page.goto(index + path)
        row = page.locator('.rel > details', has=page.locator('b', has_text=version)).last
        if row.get_attribute('open') is None:
            row.locator('summary').click()
        row.get_by_label(f'Copy the requirement foo=={version}').click()
        assert page.evaluate('navigator.clipboard.readText()') == f'foo=={version}'


def test_not_every_release_has_a_requirement(page: Page, index: str) -> None:
    """Versions that installers cannot read have none, nor do quarantined projects."""
    for path in ('project/odd-some-version/', 'project/evil/'):
        page.goto(index + path)
        page.locator('.rel > details:not([open]) > summary').evaluate_all(
            'all => all.forEach((one) => { one.parentNode.open = true; })',
        )
        expect(page.locator('.files:visible').first).to_be_visible()
        expect(page.locator('.req')).to_have_count(0)


def test_number_of_dependents_is_loaded(page: Page, plain_page: Page, index: str) -> None:
    """The link to the dependents tells their number; without JavaScript it is an arrow."""
    for one, text in ((page, 'Used by1'), (plain_page, 'Used by→')):
        one.goto(f'{index}project/foo/')
        expect(one.locator('.sections [href="dependents/"]')).to_have_text(text)


def test_hash_is_copied(page: Page, index: str) -> None:
    """Each file of an open release or group has a button that copies its complete hash."""
    page.goto(f'{index}project/wheels/')
    expect(page.locator('.files .copy')).to_have_count(0)
    page.locator('.fold > summary').first.click()
    button = page.get_by_label('Copy the hash of wheels-1-cp310-cp310-manylinux1_i686.whl')
    button.click()
    expect(button).to_have_text('Copied')
    assert page.evaluate('navigator.clipboard.readText()') == SHA256
    # The page shows the beginning; one click selects all of it.
    code = page.locator('.files code:visible').first
    code.click()
    assert page.evaluate('getSelection().toString()') == SHA256


def test_quarantined_project_has_no_buttons(page: Page, index: str) -> None:
    """There is nothing to copy, and no link to a file."""
    page.goto(f'{index}project/evil/')
    expect(page.get_by_text('evil-1.0.zip')).to_be_visible()
    expect(page.locator('.copy, .cmd, .files a[href]')).to_have_count(0)


@pytest.mark.parametrize('scheme', ('light', 'dark'))
def test_severities_look_different(browser: Browser, index: str, scheme: str) -> None:
    """The note of each status has its own border and background."""
    context = browser.new_context(color_scheme='dark' if scheme == 'dark' else 'light')
    page = context.new_page()
    looks = []
    for project in ('old', 'gone', 'evil'):
        page.goto(f'{index}project/{project}/')
        looks += page.locator('.note').evaluate_all('''notes => notes.map(note => {
            const style = getComputedStyle(note);
            return style.borderColor + style.backgroundColor;
        })''')
    context.close()
    # The second project is deprecated, and all its releases are yanked.
    assert len({*looks}) == len(looks) == 4


def test_page_fits_small_screens(browser: Browser, index: str) -> None:
    """At 320 pixels no page scrolls sideways, with everything unfolded."""
    context = browser.new_context(viewport={'width': 320, 'height': 600})
    page = context.new_page()
    wide = []
    for path in PATHS:
        page.goto(index + path)
        page.locator('details').evaluate_all('all => all.forEach(one => { one.open = true; })')
        if page.evaluate('document.documentElement.scrollWidth') > 320:
            wide.append(path)
    context.close()
    assert wide == []


@pytest.mark.parametrize(('width', 'scheme'), (
    ('phone', 'light'), ('phone', 'dark'), ('desktop', 'light'), ('desktop', 'dark'),
))
def test_pages_are_accessible(browser: Browser, index: str, width: str, scheme: str) -> None:
    """axe finds no violation on any page of a project."""
    context = browser.new_context(
        viewport={'width': chromium.WIDTHS[width], 'height': 800},
        color_scheme='dark' if scheme == 'dark' else 'light',
    )
    page = context.new_page()
    wrong = []
    for path in PATHS:
        page.goto(index + path)
        page.locator('.fold').evaluate_all('all => all.forEach(one => { one.open = true; })')
        wrong += [
            f'{path}: {violation["help"]}: {node["html"]}'
            for violation in chromium.accessibility_violations(page)
            for node in violation['nodes']
        ]
    context.close()
    assert wrong == []


def test_printed_page_has_no_controls(page: Page, index: str) -> None:
    """A printed page has the command and the facts, and nothing to press."""
    page.goto(f'{index}project/foo/')
    page.emulate_media(media='print')
    for control in ('.copy', '.tools', '.picks', '.find', '.sections'):
        expect(page.locator(control).first).to_be_hidden()
    assert command(page) == f'{PIP}foo'


def test_forced_colors_show_choices(page: Page, index: str) -> None:
    """With the colours of the system, the chosen installer has an outline."""
    page.emulate_media(forced_colors='active')
    page.goto(f'{index}project/foo/')
    styles = page.locator('.tabs > label').evaluate_all(
        'all => all.map(label => getComputedStyle(label).outlineStyle)',
    )
    assert styles == ['solid', 'none', 'none', 'none']


@pytest.mark.parametrize('height', (800, 900))
def test_source_is_above_the_fold(browser: Browser, index: str, height: int) -> None:
    """Command, licence and source are visible at once, however many people and extras there are."""
    context = browser.new_context(viewport={'width': 1280 if height == 800 else 1440, 'height': (
        height
    )})
    page = context.new_page()
    page.goto(f'{index}project/crowd/')
    assert page.locator('.head .sum').evaluate(
        'sum => sum.offsetHeight / parseFloat(getComputedStyle(sum).lineHeight)',
    ) == 2
    for found in (page.locator('.cmd'), page.get_by_text('MIT', exact=True),
                  page.get_by_role('link', name='Source')):
        box = found.bounding_box()
        assert box is not None
        assert box['y'] + box['height'] <= height
    page.get_by_text('and 3 more').click()
    expect(page.get_by_text('Name 3, Name 4, Name 5')).to_be_visible()
    context.close()


def test_phones_fold_minor_facts(browser: Browser, index: str) -> None:
    """On a phone, people and keywords are a click away; other screens and paper show them."""
    context = browser.new_context(viewport={'width': 390, 'height': 800}, java_script_enabled=False)
    page = context.new_page()
    page.goto(f'{index}project/foo/')
    author, licence, more = (
        page.get_by_text(text, exact=True) for text in ('Author', 'MIT', 'More about this project')
    )
    expect(licence).to_be_visible()
    expect(author).to_be_hidden()
    more.click()
    expect(author).to_be_visible()
    more.click()
    expect(author).to_be_hidden()
    page.emulate_media(media='print')
    expect(author).to_be_visible()
    expect(more).to_be_hidden()
    page.emulate_media(media='screen')
    page.set_viewport_size({'width': 1280, 'height': 800})
    expect(author).to_be_visible()
    expect(more).to_be_hidden()
    context.close()


@pytest.mark.parametrize('width', chromium.WIDTHS.values())
def test_card_lines_touch_no_text(browser: Browser, index: str, width: int) -> None:
    """With any of facts, links and people missing, there is space above and below each line."""
    context = browser.new_context(viewport={'width': width, 'height': 800})
    page = context.new_page()
    for project in ('foo', 'bar', 'pre', 'odd', 'odd-some-version', 'crowd', 'old'):
        page.goto(f'{index}project/{project}/')
        page.locator('.rest').evaluate('details => { details.open = true; }')
        spaces = page.locator('.facts').evaluate('''facts => {
            const parts = [...facts.querySelectorAll('dl, ul, .rest > summary')]
                .filter((part) => part.checkVisibility());
            return parts.slice(1).map((part, before) => Math.min(
                part.getBoundingClientRect().top - parts[before].getBoundingClientRect().bottom,
                (part.firstElementChild ?? part).getBoundingClientRect().top
                    - part.getBoundingClientRect().top
                    + (part.firstElementChild ? 0 : parseFloat(getComputedStyle(part).paddingTop)),
            ));
        }''')
        assert spaces
        assert min(spaces) >= 12, project
    context.close()


def test_lists_of_releases_have_space(page: Page, plain_page: Page, index: str) -> None:
    """Neither the filter nor the releases touch the links to other pages; wheels are indented."""
    for one, below in ((page, '.tools'), (plain_page, '.rel')):
        one.goto(f'{index}project/foo/releases-1.html')
        above, under = (
            one.locator(part).first.bounding_box() for part in ('.pages', below)
        )
        assert above is not None
        assert under is not None
        assert under['y'] - above['y'] - above['height'] >= 12
    page.goto(f'{index}project/wheels/')
    assert page.evaluate('''() => ['.rel p', '.scroll', '.fold'].map(
        (part) => document.querySelector(part).getBoundingClientRect().left
            - document.querySelector('.rel').getBoundingClientRect().left,
    )''') == [28, 28, 28]


def test_page_makes_few_requests(page: Page, index: str) -> None:
    """A page of a project makes at most six requests."""
    requests: list[str] = []
    page.on('request', lambda request: requests.append(request.url))
    page.goto(f'{index}project/foo/', wait_until='networkidle')
    assert len(requests) <= 6
