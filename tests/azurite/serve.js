#!/usr/bin/env node
// Serves one container of an account as Azure's store of blobs does, out of memory.
// usage: ACCOUNT=name KEY=base64 serve.js PORT CONTAINER; the port answers when the container is there.
"use strict";

const crypto = require("crypto");
const http = require("http");
const net = require("net");

const [, , port, container] = process.argv;
const { ACCOUNT: account, KEY: key } = process.env;

/** Anybody may list it, so that a test can look without a signature; a wrong one is refused all the same. */
function makeContainer(behind, done) {
  const date = new Date().toUTCString();
  const headers = `x-ms-blob-public-access:container\nx-ms-date:${date}\nx-ms-version:2021-12-02\n`;
  const resource = `/${account}/${account}/${container}\nrestype:container`;
  const signed = `PUT${"\n".repeat(12)}${headers}${resource}`;
  const signature = crypto.createHmac("sha256", Buffer.from(key, "base64")).update(signed).digest("base64");
  const request = http.request({
    port: behind,
    host: "127.0.0.1",
    method: "PUT",
    path: `/${account}/${container}?restype=container`,
    headers: {
      Authorization: `SharedKey ${account}:${signature}`,
      "Content-Length": 0,
      "x-ms-blob-public-access": "container",
      "x-ms-date": date,
      "x-ms-version": "2021-12-02",
    },
  });
  request.on("response", (answer) => {
    answer.resume();
    if (answer.statusCode !== 201) {
      console.error(`the container was not made: ${answer.statusCode}`);
      process.exit(1);
    }
    done();
  });
  request.on("error", () => setTimeout(makeContainer, 50, behind, done));
  request.end();
}

const free = net.createServer().listen(0, "127.0.0.1", () => {
  const behind = free.address().port;
  free.close(() => {
    process.env.AZURITE_ACCOUNTS = `${account}:${key}`;
    process.argv.splice(2, 2, "--blobPort", `${behind}`, "--inMemoryPersistence", "--silent");
    process.argv.push("--skipApiVersionCheck", "--disableTelemetry");
    require("azurite/dist/src/blob/main.js");
    makeContainer(behind, () => {
      const front = net.createServer((client) => {
        const server = net.connect(behind, "127.0.0.1");
        client.pipe(server).pipe(client);
        client.on("error", () => server.destroy());
        server.on("error", () => client.destroy());
      });
      front.listen(Number(port), "127.0.0.1");
    });
  });
});
