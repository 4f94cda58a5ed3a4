//! What a plain scalar means, as Kubernetes and Helm read it.
//!
//! Both read YAML through sigs.k8s.io/yaml, whose `resolve.go` (of go-yaml v2) is the source of these rules:
//! YAML 1.1 booleans including `y` and `n`, `0644` as octal, underscores in numbers, and dates left as text.

use super::Value;

/// Returns what the plain (unquoted) scalar `text` means.
pub fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    number(text).unwrap_or_else(|| text.into())
}

fn number(text: &str) -> Option<Value> {
    if !matches!(text.as_bytes().first()?, b'0'..=b'9' | b'+' | b'-' | b'.') {
        return None;
    }
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| float(&plain))
}

/// As Go's `strconv.ParseInt(s, 0, 64)`, then `ParseUint`: the base follows from the prefix.
fn integer(text: &str) -> Option<Value> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(value)) => Some(Value::Int(value)),
        (false, Err(_)) => Some(Value::UInt(magnitude)),
        (true, Ok(value)) => Some(Value::Int(-value)),
        (true, Err(_)) => (magnitude == i64::MIN.unsigned_abs()).then_some(Value::Int(i64::MIN)),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => all_digits(fraction),
        Some((whole, fraction)) => all_digits(whole) && (fraction.is_empty() || all_digits(fraction)),
        None => all_digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|e| all_digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    if !mantissa_fits || !exponent_fits {
        return None;
    }
    text.parse().ok().map(Value::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match resolve(text) {
            Value::Null => "null".into(),
            Value::Bool(b) => format!("bool {b}"),
            Value::Int(i) => format!("int {i}"),
            Value::UInt(u) => format!("uint {u}"),
            Value::Float(f) => format!("float {f}"),
            Value::Text(t) => format!("text {t}"),
            _ => "collection".into(),
        }
    }

    #[test]
    fn plain_scalars_mean_what_kubernetes_takes_them_for() {
        for (written, meant) in [
            ("", "null"),
            ("~", "null"),
            ("nULL", "text nULL"),
            ("yes", "bool true"),
            ("On", "bool true"),
            ("n", "bool false"),
            ("oN", "text oN"),
            ("0644", "int 420"),
            ("0o644", "int 420"),
            ("0x1F", "int 31"),
            ("0b101", "int 5"),
            ("-0b101", "int -5"),
            ("08", "float 8"),
            ("1_000", "int 1000"),
            ("+12", "int 12"),
            ("9223372036854775808", "uint 9223372036854775808"),
            ("-9223372036854775808", "int -9223372036854775808"),
            ("18446744073709551616", "float 18446744073709552000"),
            ("1.", "float 1"),
            (".5", "float 0.5"),
            ("1e3", "float 1000"),
            ("1e", "text 1e"),
            ("-", "text -"),
            (".", "text ."),
            ("2026-01-01", "text 2026-01-01"),
            ("12:30:45", "text 12:30:45"),
            ("1.2.3", "text 1.2.3"),
            ("=", "text ="),
            ("v1.3.0", "text v1.3.0"),
            (".inf", "float inf"),
        ] {
            assert_eq!(shown(written), meant, "{written:?}");
        }
    }
}
