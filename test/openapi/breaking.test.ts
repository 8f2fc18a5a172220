import { describe, expect, test } from "vitest";
import { type BreakingChange, findBreakingChanges } from "../../scripts/openapi/breaking.ts";
import { untold } from "../../scripts/openapi/changelog.ts";
import type { Document } from "../../scripts/openapi/document.ts";
import { generateDocument } from "../../scripts/openapi/files.ts";

const released = JSON.parse(JSON.stringify(generateDocument())) as Document;

// An edit reaches anywhere into a document.
type Edit = (document: any) => unknown;

/** What an edit of the document breaks, each as `operation what`. */
function brokenBy(edit: Edit): string[] {
  const edited = structuredClone(released);
  edit(edited);
  return findBreakingChanges(released, edited).map(({ operation, what }) => `${operation} ${what}`);
}

const schema = (document: any, name: string) => document.components.schemas[name];
const openSession = (document: any) => document.paths["/v2/sessions"].post;
const listSessions = (document: any) => document.paths["/v2/users/{refId}/sessions"].get;

describe("what breaks clients", () => {
  const cases: readonly (readonly [why: string, edit: Edit, told: string])[] = [
    ["a call is gone", (d) => delete d.paths["/v2/flows"], "listFlows is gone: GET /v2/flows"],
    [
      "a call has another name",
      (d) => (openSession(d).operationId = "createSession"),
      "openSession is called createSession now",
    ],
    [
      "a call asks for another scope",
      (d) => (listSessions(d).security = [{ apiKey: ["users:write"] }]),
      'listSessions asks for [{"apiKey":["users:write"]}] instead of [{"apiKey":["users:read"]}]',
    ],
    [
      "a parameter is gone",
      (d) =>
        (listSessions(d).parameters = listSessions(d).parameters.filter(({ name }: any) => name !== "limit")),
      "listSessions takes no query limit any more",
    ],
    [
      "a parameter is needed",
      (d) => (listSessions(d).parameters.find(({ name }: any) => name === "limit").required = true),
      "listSessions needs query limit now",
    ],
    [
      "a header is gone",
      (d) =>
        (openSession(d).parameters = openSession(d).parameters.filter(
          ({ name }: any) => name !== "Idempotency-Key",
        )),
      "openSession takes no header Idempotency-Key any more",
    ],
    [
      "a member is needed",
      (d) => schema(d, "OpenSessionRequest").required.push("user"),
      "openSession body needs user now",
    ],
    [
      "a member is taken no more",
      (d) => delete schema(d, "OpenSessionRequest").properties.metadata,
      "openSession body has no metadata any more",
    ],
    [
      "a default is another",
      (d) => (schema(d, "OpenSessionRequest").properties.forceCreation.default = true),
      "openSession body.forceCreation means true instead of false when it is left out",
    ],
    [
      "a maximum is lower",
      (d) => (schema(d, "RefId").maxLength = 128),
      "openSession body.refId has the maxLength 128 now",
    ],
    [
      "a minimum is higher",
      (d) => (schema(d, "RefId").minLength = 2),
      "openSession body.refId has the minLength 2 now",
    ],
    [
      "a maximum comes",
      (d) => (schema(d, "UserDetails").maxProperties = 10),
      "openSession body.user has the maxProperties 10 now",
    ],
    [
      "a pattern is another",
      (d) => (schema(d, "RefId").pattern = "^[a-z]+$"),
      "openSession body.refId has the pattern ^[a-z]+$ now",
    ],
    [
      "null is taken no more",
      (d) => (schema(d, "UserDetails").properties.email.type = "string"),
      "openSession body.user.email takes no null any more",
    ],
    [
      "an object is taken no more where null was beside it",
      (d) => (schema(d, "UserDetails").properties.address.anyOf = [{ type: "null" }]),
      "openSession body.user.address takes less than before",
    ],
    [
      "a value is taken no more",
      (d) => schema(d, "ResultReport").properties.status.enum.pop(),
      "reportResult body.status takes no failed any more",
    ],
    [
      "other members are taken no more",
      (d) => (schema(d, "UserDetails").additionalProperties = false),
      "openSession body.user takes no other members any more",
    ],
    [
      "a name that was free is taken by a narrower member",
      (d) => (schema(d, "UserDetails").properties.taxId = { type: "string", pattern: "^[0-9]+$" }),
      "openSession body.user.taxId takes no number any more",
    ],
    [
      "names of members are narrower",
      (d) => (schema(d, "Metadata").propertyNames.pattern = "^[a-z]+$"),
      "openSession body.metadata's names has the pattern ^[a-z]+$ now",
    ],
    [
      "an answer is gone",
      (d) => delete openSession(d).responses["200"],
      "openSession never answers 200 any more",
    ],
    [
      "an answer comes",
      (d) => (openSession(d).responses["202"] = { description: "Later." }),
      "openSession answers 202 now",
    ],
    [
      "an answer's header is gone",
      (d) => delete openSession(d).responses["200"].headers["idempotent-replayed"],
      "openSession 200 has no header idempotent-replayed any more",
    ],
    [
      "an answered member is gone",
      (d) => delete schema(d, "OpenedSession").properties.token,
      "openSession 201 has no token any more",
    ],
    [
      "an answered member may be missing",
      (d) => (schema(d, "OpenedSession").required = ["sessionId"]),
      "openSession 201 may be without token now",
    ],
    [
      "an answered value is new",
      (d) => schema(d, "User").properties.status.enum.push("blocked"),
      "readUser 200.status may be blocked now",
    ],
    [
      "an answered member is of another type",
      (d) => (schema(d, "OpenedSession").properties.created = { type: "string" }),
      "openSession 201.created may be string now",
    ],
    [
      "an answered member may be null",
      (d) => (schema(d, "OpenedSession").properties.created.type = ["boolean", "null"]),
      "openSession 201.created may be null now",
    ],
    [
      "an answered object has another member's shape",
      (d) => (schema(d, "User").properties.session.anyOf[0] = { $ref: "#/components/schemas/OpenedSession" }),
      "readUser 200.session may be something else now",
    ],
    [
      "an answered list holds something else",
      (d) =>
        (schema(d, "SessionPage").properties.sessions.items = { $ref: "#/components/schemas/SessionId" }),
      "listSessions 200.sessions[] may be string now",
    ],
    [
      "a code is gone",
      (d) =>
        openSession(d).responses["422"].content[
          "application/problem+json"
        ].schema.allOf[1].properties.code.enum.shift(),
      "openSession is not refused with 422 unknown_flow any more",
    ],
    [
      "a code's example is gone",
      (d) => delete openSession(d).responses["422"].content["application/problem+json"].examples.unknown_flow,
      "openSession shows no unknown_flow any more",
    ],
    [
      "a problem has a member less",
      (d) => delete schema(d, "Problem").properties.requestId,
      "readHealth problem has no requestId any more",
    ],
  ];

  test.each(cases)("%s", (_why, edit, told) => {
    expect(brokenBy(edit)).toContain(told);
  });
});

describe("what breaks nobody", () => {
  const cases: readonly (readonly [why: string, edit: Edit])[] = [
    ["nothing", () => undefined],
    ["other words", (d) => (openSession(d).summary = "Begin")],
    ["a new call", (d) => (d.paths["/v2/new"] = { get: openSession(d) })],
    [
      "an optional member more",
      (d) => (schema(d, "OpenSessionRequest").properties.note = { type: "string" }),
    ],
    ["a looser maximum", (d) => (schema(d, "RefId").maxLength = 512)],
    ["an answered member more", (d) => (schema(d, "OpenedSession").properties.region = { type: "string" })],
    [
      "a value taken more",
      (d) =>
        (schema(d, "ResultReport").properties.status.enum = [
          "pending",
          "successful",
          "suspected",
          "failed",
          "other",
        ]),
    ],
    ["an answered value that comes no more", (d) => schema(d, "User").properties.status.enum.pop()],
    [
      "a code more",
      (d) => {
        schema(d, "Problem").properties.code.enum.push("teapot");
        openSession(d).responses["418"] = structuredClone(openSession(d).responses["422"]);
        openSession(d).responses["418"].content[
          "application/problem+json"
        ].schema.allOf[1].properties.code.enum = ["teapot"];
      },
    ],
    ["a renamed schema", (d) => (d.components.schemas.Extra = schema(d, "RefId"))],
  ];

  test.each(cases)("%s", (_why, edit) => {
    expect(brokenBy(edit)).toEqual([]);
  });
});

describe("a breaking change in the changelog", () => {
  const changes: BreakingChange[] = [{ operation: "openSession", what: "needs user now" }];
  const changelog = (line: string) =>
    `# Changes\n\n## Unreleased\n\n${line}\n\n## 1.2.0\n\n- Breaking: \`openSession\`\n`;

  test("is told by a line above the released version with the word and the operation's name", () => {
    expect(untold(changes, changelog("- Breaking: `openSession` needs `user`."), "1.2.0")).toEqual([]);
  });

  test("is not told by a line of an earlier version, of another operation, or without the word", () => {
    for (const line of ["- Nothing.", "- Breaking: `listSessions`.", "- `openSession` needs `user`."])
      expect(untold(changes, changelog(line), "1.2.0")).toEqual(changes);
  });
});
