// Inputs of the foreign actions that our YAML uses, as the language service wants them; none is required here.

const named = (...names) => Object.fromEntries(names.map((name) => [name, { description: name, required: false }]));

export const FOREIGN = {
  "actions/attest": named("bundle-path", "create-storage-record", "predicate", "predicate-path", "predicate-type", "push-to-registry", "sbom-path", "show-summary", "subject-checksums", "subject-digest", "subject-name", "subject-path"),
  "actions/attest-build-provenance": named("push-to-registry", "show-summary", "subject-checksums", "subject-digest", "subject-name", "subject-path"),
  "actions/cache": named("key", "path", "restore-keys"),
  "actions/checkout": named("clean", "fetch-depth", "fetch-tags", "filter", "path", "persist-credentials", "ref", "repository", "sparse-checkout", "submodules", "token"),
  "actions/dependency-review-action": named("fail-on-severity"),
  "actions/download-artifact": named("artifact-ids", "github-token", "merge-multiple", "name", "path", "pattern", "repository", "run-id"),
  "actions/setup-node": named("cache", "node-version", "node-version-file", "package-manager-cache"),
  "actions/setup-python": named("allow-prereleases", "cache", "check-latest", "python-version", "python-version-file", "update-environment"),
  "actions/upload-artifact": named("compression-level", "if-no-files-found", "include-hidden-files", "name", "overwrite", "path", "retention-days"),
  "astral-sh/setup-uv": named("enable-cache", "python-version", "version"),
  "aws-actions/configure-aws-credentials": named("allowed-account-ids", "aws-access-key-id", "aws-region", "aws-secret-access-key", "mask-aws-account-id", "role-duration-seconds", "role-session-name", "role-to-assume"),
  "github/codeql-action/analyze": named("category", "upload"),
  "github/codeql-action/init": named("build-mode", "config", "config-file", "languages", "queries"),
};
