//! Inlines CSS: mail clients drop or rewrite style sheets, but keep `style` attributes. Done
//! once per compiled page, not per mail.

use css_inline::CSSInliner;

/// A style sheet with this attribute is kept: media queries cannot be inlined.
const KEPT: &str = " data-css-inline=\"keep\"";

/// The page with inlined styles. `Err` says what is wrong.
pub(super) fn inline_styles(page: &str) -> Result<String, String> {
    if !page.contains("<style") {
        return Ok(page.to_owned());
    }
    if !page.contains("<html") || !page.contains("<body") {
        return Err(
            "a layout with a style sheet is a whole page, with `<html>`, `<head>` and `<body>`".to_owned()
        );
    }
    let inliner = CSSInliner::options().load_remote_stylesheets(false).build();
    let styled = inliner.inline(page).map_err(|error| error.to_string())?;
    // What precedes the page (the doctype) is kept as it was.
    let (before, page) = match (page.find("<html"), styled.find("<html")) {
        (Some(own), Some(new)) => (&page[..own], &styled[new..]),
        _ => ("", styled.as_str()),
    };
    Ok(format!("{before}{}\n", page.trim_end().replace(KEPT, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_inlined_and_one_sheet_is_kept() {
        let page = "<!doctype html>\n<html><head><meta charset=\"utf-8\"><style>.a td { color: #111 }</style>\
                    <style data-css-inline=\"keep\">@media print { td { color: #000 } }</style></head>\
                    <body class=\"a\"><table><!--x--><tr><td>&quot;1&quot;</td></tr></table>\
                    <!--[if mso]></td></tr></table><![endif]--></body></html>\n";
        assert_eq!(
            inline_styles(page).expect("a page"),
            "<!doctype html>\n<html><head><meta charset=\"utf-8\">\
             <style>@media print { td { color: #000 } }</style></head>\
             <body class=\"a\"><table><!--x--><tbody><tr><td style=\"color: #111;\">\"1\"</td></tr></tbody></table>\
             <!--[if mso]></td></tr></table><![endif]-->\n</body></html>\n"
        );
    }

    #[test]
    fn a_page_without_a_style_sheet_is_unchanged() {
        assert_eq!(inline_styles("<p>a").expect("a page"), "<p>a");
    }
}
