//! Styles into the elements: mail programs drop or rewrite style sheets, and
//! none drops a `style` attribute. Once for a whole page, never for a mail.

use css_inline::CSSInliner;

/// The style sheet with this stays as it is: what asks how wide or how dark
/// the reader's screen is can stand nowhere else (E35).
const KEPT: &str = " data-css-inline=\"keep\"";

/// A page with its style sheets in its elements. `Err` says what is wrong.
pub(super) fn inlined(page: &str) -> Result<String, String> {
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
    // What stands before the page (the document type) stays as it was.
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
    fn e35_styles_stand_in_elements_and_one_sheet_stays() {
        let page = "<!doctype html>\n<html><head><meta charset=\"utf-8\"><style>.a td { color: #111 }</style>\
                    <style data-css-inline=\"keep\">@media print { td { color: #000 } }</style></head>\
                    <body class=\"a\"><table><!--x--><tr><td>&quot;1&quot;</td></tr></table>\
                    <!--[if mso]></td></tr></table><![endif]--></body></html>\n";
        assert_eq!(
            inlined(page).expect("a page"),
            "<!doctype html>\n<html><head><meta charset=\"utf-8\">\
             <style>@media print { td { color: #000 } }</style></head>\
             <body class=\"a\"><table><!--x--><tbody><tr><td style=\"color: #111;\">\"1\"</td></tr></tbody></table>\
             <!--[if mso]></td></tr></table><![endif]-->\n</body></html>\n"
        );
    }

    #[test]
    fn a_page_without_a_style_sheet_is_left_alone() {
        assert_eq!(inlined("<p>a").expect("a page"), "<p>a");
    }
}
