//! The headers that every page has, whatever the route and status; `doctor` compares what a browser gets.

/// Lower-case names and values.
///
/// `Referrer-Policy: no-referrer` would make browsers send `Origin: null` with our own forms
/// (Fetch standard, "append a request Origin header").
pub(crate) const FIXED: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("x-robots-tag", "noindex, nofollow"),
];
