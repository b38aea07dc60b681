// A CDN for tests: node cdn.js EDGE_FUNCTION ORIGIN_URL ERROR_PAGE
//
// Like CloudFront, it passes the viewer's request to the function, looks up the returned path, and
// nothing else, in its cache, fetches it from the origin without the viewer's headers if it is not
// cached, and passes the response to the function unless it is an error. ERROR_PAGE is the path of its
// custom error response for a 404 of the origin. It answers conditional and range requests from its
// cache, and doesn't compress.
'use strict';

const fs = require('fs');
const http = require('http');
const vm = require('vm');

const [source, origin, errorPage] = process.argv.slice(2);
const context = vm.createContext({});
vm.runInContext(fs.readFileSync(source, 'utf8'), context);

// Events and results are copied, so that the function can't keep state in them.
function call(event) {
    context.event = JSON.stringify(event);
    return JSON.parse(vm.runInContext('JSON.stringify(handler(JSON.parse(event)))', context));
}

function pairs(entries) {
    return Object.fromEntries(Array.from(entries, ([name, value]) => [name, {value}]));
}

const cache = new Map();

async function fetched(uri) {
    if (!cache.has(uri)) {
        cache.set(uri, await new Promise((resolve, reject) => {
            // The path is sent as it is: a URL object would normalize it.
            const {hostname, port, pathname} = new URL(origin);
            http.get({hostname, port, path: pathname + uri}, (response) => {
                const parts = [];
                response.on('data', (part) => parts.push(part));
                response.on('end', () => resolve({
                    status: response.statusCode, headers: response.headers,
                    body: Buffer.concat(parts),
                }));
            }).on('error', reject);
        }));
    }
    return cache.get(uri);
}

async function answer(request, response) {
    // The path of a request for a complete URL is that of the URL.
    const [path, ...search] = request.url.replace(/^https?:\/\/[^\/?]*/i, '').split('?');
    // CloudFront refuses anything but a path, and doesn't decode query strings.
    if (path[0] !== '/' || !/^[\x21-\x7e]+$/.test(path)) {
        response.writeHead(400);
        response.end();
        return;
    }
    const query = search.join('?').split('&').filter(Boolean)
        .map((part) => [part.split('=')[0], part.split('=').slice(1).join('=')]);
    const viewer = {
        method: request.method, uri: path, querystring: pairs(query),
        headers: pairs(Object.entries(request.headers)), cookies: {},
    };
    const asked = call({version: '1.0', context: {eventType: 'viewer-request'}, request: viewer});
    if (asked.statusCode) {
        response.writeHead(asked.statusCode, Object.fromEntries(
            Object.entries(asked.headers).map(([name, {value}]) => [name, value])));
        response.end();
        return;
    }
    const hit = cache.has(asked.uri);
    let found = await fetched(asked.uri);
    if (found.status === 404) {
        found = {...await fetched(errorPage), status: 404};
    }
    let {status, body} = found;
    const headers = Object.fromEntries(['content-type', 'cache-control', 'etag', 'last-modified']
        .filter((name) => name in found.headers).map((name) => [name, found.headers[name]]));
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range || '');
    if (status === 200 && request.headers['if-none-match'] === headers.etag) {
        status = 304;
        body = Buffer.alloc(0);
    } else if (status === 200 && range) {
        status = 206;
        headers['content-range'] = `bytes ${range[1]}-${range[2]}/${body.length}`;
        body = body.subarray(Number(range[1]), Number(range[2]) + 1);
    }
    headers['content-length'] = String(body.length);
    headers['x-cache'] = hit ? 'Hit' : 'Miss';
    let sent = {headers: pairs(Object.entries(headers))};
    if (status < 400) {
        sent = call({
            version: '1.0', context: {eventType: 'viewer-response'}, request: asked,
            response: {statusCode: status, statusDescription: '', ...sent, cookies: {}},
        });
    }
    response.writeHead(status, Object.fromEntries(
        Object.entries(sent.headers).map(([name, {value}]) => [name, value])));
    response.end(request.method === 'HEAD' ? undefined : body);
}

const server = http.createServer((request, response) => {
    answer(request, response).catch((error) => {
        console.error(error);
        response.writeHead(502);
        response.end();
    });
});
server.listen(0, '127.0.0.1', () => console.log(` port ${server.address().port} `));
