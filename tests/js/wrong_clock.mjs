// A frontend on a machine whose clock is wrong: the agent asks the network for the time, and the
// upload that follows works.
//
//     node wrong_clock.mjs dfinity|icp-sdk URL GATEWAY MINUTES
//
// The clock is MINUTES ahead of the right time, or behind it if they are negative.

import assert from "node:assert/strict";
import { Upload, bytesOf, holds, interfaceOf, load, ok, readBack } from "./frontend.mjs";

const [library, url, gatewayId, minutes] = process.argv.slice(2);
const ahead = Number(minutes) * 60_000;

const RightDate = Date;
globalThis.Date = class extends RightDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [RightDate.now() + ahead] : parts));
  }
  static now() {
    return RightDate.now() + ahead;
  }
};

const { HttpAgent, Actor, IDL, Ed25519KeyIdentity } = await load(library);

async function connect() {
  const identity = Ed25519KeyIdentity.generate();
  const agent = await HttpAgent.create({ host: url, identity, verifyQuerySignatures: true });
  await agent.fetchRootKey();
  return agent;
}

async function uploads(agent, name) {
  const actor = Actor.createActor(interfaceOf, { agent, canisterId: gatewayId });
  const capsule = ok(await actor.capsules_create([])).id;
  const data = bytesOf(3_000, 1);
  const result = await new Upload(actor, capsule, name, data, 1_000).whole();
  assert.ok((await readBack(actor, result.blob_id)).equals(Buffer.from(data)));
}

for (const [what, target] of [["the gateway", gatewayId], ["no canister", undefined]]) {
  await holds(`syncTime with ${what}, and an upload`, async () => {
    const agent = await connect();
    await agent.syncTime(target);
    // a busy machine may take a while for an answer
    assert.ok(Math.abs(agent.getTimeDiffMsecs() + ahead) < 60_000);
    await uploads(agent, what);
  });
}
await holds("an upload whose first call finds the clock wrong", async () => {
  await uploads(await connect(), "unaware");
});
