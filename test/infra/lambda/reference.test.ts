import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Lambda, startLambda } from "../../../scripts/lambda/lambda.ts";
import { artefactsOf, readPlan } from "../../../scripts/rehearse/rehearse.ts";
import { ROOT } from "../copy-of-project.ts";

let reference: Lambda;
beforeAll(async () => {
  const { plan, referenceZip } = artefactsOf(ROOT);
  reference = await startLambda({
    plan: readPlan(plan),
    name: "ReferenceFunction",
    zip: referenceZip,
    dynamodbEndpoint: inject("dynamodbEndpoint"),
  });
});
afterAll(() => reference?.stop());

test("the reference's function answers the page, its scripts and the document out of what was packed for the deploy", async () => {
  const page = await fetch(`${reference.url}/docs`);
  expect(page.status).toBe(200);
  expect(page.headers.get("content-type")).toContain("text/html");
  const [, script = ""] = /src="(\/docs\/viewer\.\w+\.js)"/.exec(await page.text()) ?? [];
  const viewer = await fetch(reference.url + script);
  expect(viewer.status).toBe(200);
  expect(viewer.headers.get("content-type")).toContain("javascript");
  const document = await fetch(`${reference.url}/openapi.json`);
  expect(await document.json()).toMatchObject({ openapi: expect.stringMatching(/^3\.1/) });
});
