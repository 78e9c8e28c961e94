"""What is demanded of evidence: signed results of tests, alone or in packages."""

from __future__ import annotations

from ._rule import Rule

EVIDENCE_MALFORMED = Rule(
    "evidence-malformed",
    "error",
    "A signature file is a compact JSON Web Signature over a JSON object; a record of testing has front matter.",
    "What cannot be read shows nothing.",
    "Sign the result again, and do not edit the file; correct the front matter of a record of testing.",
)
EVIDENCE_ALGORITHM = Rule(
    "evidence-algorithm",
    "error",
    "Evidence is signed with ES256, RS256 or EdDSA.",
    "Anybody could have made a signature that needs no private key.",
    "Sign it again with one of them: anybody could have written what is not signed or signed with a shared secret.",
)
EVIDENCE_SIGNATURE = Rule(
    "evidence-signature",
    "error",
    "A signature is right for the key that was given.",
    "The evidence, or the signature, is not what was signed by the holder of that key.",
    "Find out who changed the file or signed with another key; run the tests again and sign the new result.",
)
EVIDENCE_FIELD_MISSING = Rule(
    "evidence-field-missing",
    "error",
    "Evidence says what was tested, when, in which state of the sources and with what result.",
    "Without one of them the evidence cannot be tied to a spec, a time, a state or a result.",
    "Sign a payload with spec_id, timestamp, system_state_hash and test_results; in a record of testing, write "
    "spec_id, tester, test_date, test_type, result and summary.",
)
EVIDENCE_SPEC_UNKNOWN = Rule(
    "evidence-spec-unknown",
    "error",
    "Evidence is about a spec that exists.",
    "Evidence of something that is not in the record shows nothing about it.",
    "Add the spec, or move evidence of retired ones elsewhere.",
)
EVIDENCE_SPEC_DIFFERS = Rule(
    "evidence-spec-differs",
    "error",
    "The name of evidence and what was signed name the same spec.",
    "Evidence of one spec could be passed off as that of another.",
    "Give the file the name of the spec in its payload.",
)
EVIDENCE_TESTS_FAILED = Rule(
    "evidence-tests-failed",
    "warning",
    "Evidence shows tests that passed.",
    "Failed tests show that the spec is not met.",
    "Mend what failed, run the tests again and sign the new result.",
)
EVIDENCE_EXPIRED = Rule(
    "evidence-expired",
    "warning",
    "Evidence has not expired.",
    "Whoever signed it meant it to hold until then.",
    "Run the tests again and sign the new result.",
)
EVIDENCE_STATE_DIFFERS = Rule(
    "evidence-state-differs",
    "warning",
    "The state hash of evidence is that of the sources at the commit it names.",
    "The tests ran on other sources than those it names.",
    "Run the tests on a clean checkout and sign the new result; or name the source_roots in .scanwatch.toml.",
)
EVIDENCE_UNSIGNED = Rule(
    "evidence-unsigned",
    "error",
    "Evidence of a requirement of HIGH risk is signed.",
    "Where patients or data are at stake, who ran the tests has to be beyond doubt.",
    "Run the scripted tests and commit the signed result: a record of testing is enough for other risks.",
)
EVIDENCE_VALUE_UNKNOWN = Rule(
    "evidence-value-unknown",
    "warning",
    "A record of testing has a known result and type of test, and a date.",
    "A result that is no known word can be read either way.",
    "Write result as PASS, FAIL or PASS_WITH_DEVIATIONS, test_type as scripted, unscripted or ad-hoc, test_date as "
    "YYYY-MM-DD.",
)
PACKAGE_INCOMPLETE = Rule(
    "package-incomplete",
    "error",
    "A package has a manifest and a signature.",
    "Without either of them nothing in the package can be verified.",
    "Make the package again: one without manifest.json, and manifest.jws or signature.jws, is not valid.",
)
PACKAGE_MANIFEST_DIFFERS = Rule(
    "package-manifest-differs",
    "error",
    "The manifest is the one that was signed.",
    "The list of files was changed after it was signed.",
    "Make the package again; a package is never changed.",
)
PACKAGE_TAMPERED = Rule(
    "package-tampered",
    "error",
    "Every file of the manifest is there with the contents it was listed with.",
    "The file was changed or removed after the package was signed.",
    "Make the package again; a package is never changed.",
)
PACKAGE_UNLISTED = Rule(
    "package-unlisted",
    "error",
    "A package holds no file that its manifest does not list.",
    "The file was added after the package was signed.",
    "Take the file out, or make the package again.",
)
PACKAGE_PATH = Rule(
    "package-path",
    "error",
    "The paths of a manifest stay within the package and name plain files.",
    "A path that leads out of the package would have other files verified in its name.",
    "Make the package again with paths relative to it.",
)
PACKAGE_CONTENTS = Rule(
    "package-contents",
    "error",
    "A package has what its tier demands.",
    "What the tier demands is what an inspector looks for in it.",
    "Run the qualification again so that it keeps the missing part: metadata.json and test results in every package, "
    "the dependency tree and health check for IQ, the coverage report for OQ, screenshots and traces for PQ.",
)
SPEC_WITHOUT_EVIDENCE = Rule(
    "spec-without-evidence",
    "warning",
    "Every spec has evidence.",
    "Nobody has shown that the spec is met.",
    "Run its tests and commit the signed result under .gxp/evidence.",
)
EVIDENCE_TIERS_MISSING = Rule(
    "evidence-tiers-missing",
    "warning",
    "A requirement has evidence of each tier that its risk demands: LOW of OQ, MEDIUM of PQ too, HIGH of all three.",
    "The greater the risk, the more kinds of qualification have to agree.",
    "Run the qualification of the missing tier and commit its evidence.",
)
EVIDENCE_ONE_SIGNER = Rule(
    "evidence-one-signer",
    "warning",
    "Evidence of a requirement of HIGH risk is signed by two.",
    "One person alone can make a mistake, or cheat, unseen.",
    "Have a second person run or review the tests and sign.",
)
