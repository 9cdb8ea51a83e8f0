/** What a server costs that parses the body and does nothing with it: the yardstick beside every figure. */
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    if (request.method === "GET") return new Response();
    const body = await request.text();
    if (request.headers.get("content-type") === "application/x-ndjson") parseLines(body);
    else JSON.parse(body);
    return new Response(null, { status: 202 });
  },
});

function parseLines(body: string) {
  for (const line of body.split("\n")) if (line !== "") JSON.parse(line);
}

console.log(JSON.stringify({ msg: "listening", data: server.url.origin }));
