//! Equations as MathML, which browsers set themselves: no script, nothing loaded from elsewhere.

use anyhow::{Result, anyhow};
use pulldown_latex::{Parser, RenderConfig, Storage, config::DisplayMode, mathml::push_mathml};

/// An equation in a line, or on a line of its own.
///
/// # Errors
/// If it is no LaTeX.
pub(super) fn mathml(latex: &str, is_display: bool) -> Result<String> {
    let storage = Storage::new();
    let problem = |error: &dyn std::fmt::Display| {
        // Its other lines show the place.
        let said = error.to_string();
        let said = said.lines().next().unwrap_or_default();
        anyhow!("the equation '{}': {said}", unwrapped(latex))
    };
    // push_mathml would write an error into the page.
    let events = Parser::new(latex, &storage).collect::<Result<Vec<_>, _>>();
    let events = events.map_err(|error| problem(&error))?;
    let display_mode = if is_display { DisplayMode::Block } else { DisplayMode::Inline };
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    let mut html = String::new();
    let events = events.into_iter().map(Ok::<_, std::convert::Infallible>);
    push_mathml(&mut html, events, config).map_err(|error| problem(&error))?;
    // It writes the micro sign for mu, which has no italic in mathematical fonts.
    Ok(tightened(&html).replace('\u{b5}', "\u{3bc}"))
}

/// Elements whose second and later children are small.
const WITH_SCRIPTS: [&str; 6] = ["msub", "msup", "msubsup", "munder", "mover", "munderover"];

/// An equation without space about the operators of its scripts and inside its large brackets: TeX sets none there,
/// but browsers do.
fn tightened(mathml: &str) -> String {
    let mut written = String::with_capacity(mathml.len() + 256);
    // Of each open element: its name, its children so far, and whether it belongs to a script.
    let mut open: Vec<(&str, usize, bool)> = Vec::new();
    for (place, piece) in mathml.split('<').enumerate() {
        if place > 0 {
            written.push('<');
        }
        let name = piece.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        if piece.starts_with('/') {
            open.pop();
        } else if !name.is_empty() {
            let is_script = open.last_mut().is_some_and(|(parent, children, is_script)| {
                *children += 1;
                *is_script || (WITH_SCRIPTS.contains(parent) && *children > 1)
            });
            if name == "mo" && (is_script || piece.contains("minsize")) {
                written.push_str("mo lspace=\"0\" rspace=\"0\"");
                written.push_str(&piece[name.len()..]);
                open.push((name, 0, is_script));
                continue;
            }
            if !piece.contains("/>") {
                open.push((name, 0, is_script));
            }
        }
        written.push_str(piece);
    }
    written
}

fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_of_scripts_are_set_tight() {
        let html = mathml(r"a - x_{t-1} = \sum_{t=1}^T b", false).unwrap();
        assert_eq!(html.matches("<mo lspace=\"0\" rspace=\"0\">").count(), 2, "{html}");
        assert!(html.contains("<mi>a</mi><mo>"), "{html}");
    }

    #[test]
    fn an_equation_is_mathml_and_a_mistake_is_named() {
        let html = mathml(r"\log p(x) \ge \mathbb{E}_q[\log p(x|z)]", true).unwrap();
        assert!(html.starts_with("<math") && html.contains("display=\"block\""), "{html}");
        assert!(!html.contains('\\'), "{html}");
        let said = mathml(r"\frac{1}", false).unwrap_err().to_string();
        assert!(said.starts_with(r"the equation '\frac{1}': ") && !said.contains('\n'), "{said}");
    }
}
