#![no_main]
#![allow(dead_code, reason = "the other targets have the other laws")]

#[path = "../../tests/corpus/laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|input: &[u8]| laws::comparing(input));
