//! Commands as people type them: README.md, the guide, and tests/cmd.

#[test]
fn documented_sessions_are_real() {
    trycmd::TestCases::new()
        .default_bin_name("dirops")
        .case("README.md")
        .case("docs/*.md")
        .case("tests/cmd/*.toml")
        .env("COLUMNS", "100");
}
