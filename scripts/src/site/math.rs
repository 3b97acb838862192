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
        anyhow!("the equation '{}': {said}", one_line(latex))
    };
    // push_mathml would write an error into the page.
    let events = Parser::new(latex, &storage).collect::<Result<Vec<_>, _>>();
    let events = events.map_err(|error| problem(&error))?;
    let display_mode = if is_display { DisplayMode::Block } else { DisplayMode::Inline };
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    let mut html = String::new();
    let events = events.into_iter().map(Ok::<_, std::convert::Infallible>);
    push_mathml(&mut html, events, config).map_err(|error| problem(&error))?;
    Ok(html)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equation_is_mathml_and_a_mistake_is_named() {
        let html = mathml(r"\log p(x) \ge \mathbb{E}_q[\log p(x|z)]", true).unwrap();
        assert!(html.starts_with("<math") && html.contains("display=\"block\""), "{html}");
        assert!(!html.contains('\\'), "{html}");
        let said = mathml(r"\frac{1}", false).unwrap_err().to_string();
        assert!(said.starts_with(r"the equation '\frac{1}': ") && !said.contains('\n'), "{said}");
    }
}
