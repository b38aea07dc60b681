// Serve an index in a bucket behind a CDN. This is a CloudFront function (cloudfront-js-2.0).
// Associate it with two events: for the viewer request, it rewrites the path to that of a page; for
// the viewer response, it adds headers.
//
// The rewritten path, which names the HTML or the JSON form, is the complete cache key. So use a
// cache policy without headers, cookies or query strings, which respects the Cache-Control of the
// origin. The origin is the bucket's REST endpoint, not its web site. Let the CDN list the bucket
// (s3:ListBucket): otherwise S3 responds with 403 to a missing page, and uv stops searching. Allow
// the methods GET, HEAD and OPTIONS. Add a custom error response: for the status 404, the page
// /404.html below BASE, with the status 404. The function doesn't run for error responses: if
// scripts of other sites should be able to read those, attach a response headers policy with CORS.
//
// bandersnatch can mirror the index if the origin's responses have Last-Modified, as those of S3 do.
'use strict';

// The path of the index on this host: '/' or '/some/path/'.
var BASE = '/';

var JSON_TYPE = /^application\/vnd\.pypi\.simple\.(v1|latest)\+json$/;
var HTML_TYPE = /^application\/vnd\.pypi\.simple\.(v1|latest)\+html$/;
// The HTML pages of the index.
var PAGE = /^(404|(simple\/|(simple|project)\/[^\/]+\/|project\/[^\/]+\/dependents\/)?index|project\/[^\/]+\/releases-\d+|(projects|changelog)\/[^\/]+)\.html$/;
var POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; " +
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

function handler(event) {
    if (event.context.eventType === 'viewer-response') {
        return addHeaders(event.response, event.request.uri);
    }
    var request = event.request;
    if (request.method === 'OPTIONS') {
        return preflight();
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
        return refused(405, 'Method Not Allowed');
    }
    if (request.uri + '/' === BASE) {
        return moved(BASE, request.querystring);
    }
    if (request.uri.indexOf(BASE) !== 0) {
        return request;
    }
    // Merge repeated slashes, as web servers do.
    var path = request.uri.slice(BASE.length).replace(/\/\/+/g, '/').replace(/^\//, '');
    // Dot files, such as .git and .env, don't belong in a bucket, but may have been uploaded.
    if (/(^|[\/\\])\./.test(decoded(path.replace(/^\.well-known\//, '')))) {
        return refused(404, 'Not Found');
    }
    var parts = /^(simple|project|pypi)\/([^\/]+)(.*)$/.exec(path);
    if (parts && !(parts[1] === 'simple' && /^index\.(html|json)$/.test(parts[2]))) {
        // Old clients request the name that the user typed, but pages have normalized names.
        // Names are ASCII, and may be percent-encoded.
        var name = encodeURIComponent(decoded(parts[2]).toLowerCase().replace(/[-_.]+/g, '-'));
        path = parts[1] + '/' + name + parts[3];
    }
    if (/^(simple|projects|changelog)$|^(simple|project)\/[^\/]+$|^project\/[^\/]+\/dependents$/.test(path) && !/\.html$|\.json$/.test(path)) {
        return moved(BASE + path + '/', request.querystring);
    }
    if (path === '' || /\/$/.test(path)) {
        var negotiable = /^simple\/([^\/]+\/)?$/.test(path);
        path += negotiable && wantsJson(request) ? 'index.json' : 'index.html';
    }
    request.uri = BASE + path;
    return request;
}

// Decode the ASCII characters of a path.
function decoded(path) {
    return path.replace(/%[0-7][0-9a-f]/gi, decodeURIComponent);
}

function refused(status, description) {
    var headers = {'access-control-allow-origin': {value: '*'}};
    if (status === 405) {
        headers.allow = {value: 'GET, HEAD, OPTIONS'};
    }
    return {statusCode: status, statusDescription: description, headers: headers};
}

function moved(place, querystring) {
    var format = querystring.format ? '?format=' + querystring.format.value : '';
    return {
        statusCode: 301,
        statusDescription: 'Moved Permanently',
        headers: {
            location: {value: place + format},
            'access-control-allow-origin': {value: '*'},
            'cache-control': {value: 'max-age=60, must-revalidate'}
        }
    };
}

// The response to a CORS preflight, which browsers send before a request with custom headers.
function preflight() {
    return {
        statusCode: 204,
        statusDescription: 'No Content',
        headers: {
            'access-control-allow-origin': {value: '*'},
            'access-control-allow-methods': {value: 'GET, HEAD'},
            'access-control-allow-headers': {value: '*'},
            'access-control-max-age': {value: '86400'}
        }
    };
}

// `?format=` overrides the Accept header. HTML is the fallback, and wins a tie.
function wantsJson(request) {
    var format = request.querystring.format ? request.querystring.format.value : '';
    if (format) {
        format = format.toLowerCase().replace(/%2f/g, '/').replace(/%2b|%20/g, '+');
        return format === 'json' || JSON_TYPE.test(format);
    }
    var accept = request.headers.accept ? request.headers.accept.value.toLowerCase() : '';
    var json = quality(accept, JSON_TYPE, /^application\/\*$/);
    return json > quality(accept, HTML_TYPE, /^application\/\*$/) &&
        json > quality(accept, /^text\/html$/, /^text\/\*$/);
}

// The quality of a type in the Accept header, from 0 to 1: the most specific entry counts. Three
// digits count, as in HTTP.
function quality(accept, exact, range) {
    var found = [0, 0, 0];
    var seen = [false, false, false];
    accept.split(',').forEach(function (entry) {
        var words = entry.split(';').map(function (word) { return word.trim(); });
        var rank = [exact, range, /^\*\/\*$/].findIndex(function (type) {
            return type.test(words[0]);
        });
        if (rank >= 0 && !seen[rank]) {
            var number = /;\s*q\s*=\s*(1|0(?:\.\d{0,3})?)[\d.]*\s*(?:;|$)/.exec(entry);
            found[rank] = number ? Number(number[1]) : 1;
            seen[rank] = true;
        }
    });
    return found[seen.indexOf(true)] || 0;
}

function addHeaders(response, uri) {
    var headers = response.headers;
    var type = headers['content-type'] ? headers['content-type'].value : '';
    headers['access-control-allow-origin'] = {value: '*'};
    headers['x-content-type-options'] = {value: 'nosniff'};
    var path = uri.indexOf(BASE) === 0 ? uri.slice(BASE.length) : '';
    // Let browsers run scripts only in pages of the index, not in an SVG among the packages.
    headers['content-security-policy'] = {value: PAGE.test(path) ? POLICY : 'sandbox'};
    if (/^text\/html/.test(type)) {
        headers['referrer-policy'] = {value: 'same-origin'};
    }
    // bandersnatch compares this with the `_last-serial` of the project list, the time of the
    // project's newest upload, to detect outdated pages. A page is rendered after the upload.
    if (/^pypi\/[^\/]+\/([^\/]+\/)?json$/.test(path) && headers['last-modified']) {
        var modified = Date.parse(headers['last-modified'].value);
        headers['x-pypi-last-serial'] = {value: String(Math.floor(modified / 1000))};
    }
    if (/^simple\/([^\/]+\/)?index\.(html|json)$/.test(path)) {
        var vary = headers.vary ? headers.vary.value + ', ' : '';
        headers.vary = {value: vary + 'Accept'};
    }
    return response;
}
