//! The larger pieces of a page: code, equations beside it, figures and explorers.

use maud::{Markup, PreEscaped, html};
use shared::plot::escaped;

use super::{excerpt::Excerpt, explorers::Explorer, highlight::rust, links::relative};

/// Lines of a source file.
pub(super) struct Code {
    pub title: String,
    /// In the repository.
    pub file: String,
    /// Where the lines can be read in it.
    pub address: Option<String>,
    pub excerpt: Excerpt,
}

/// An equation and the code that computes it, or one of them.
pub(super) fn pair(equation: Option<&str>, code: &[Code]) -> String {
    let class = if code.is_empty() { "equation" } else { "pair" };
    line(&html! {
        figure class=(class) {
            @if let Some(equation) = equation {
                div class="maths" { (PreEscaped(equation)) }
            }
            @if !code.is_empty() {
                div class="source" {
                    @for code in code {
                        figcaption { (caption(code)) }
                        pre { code { (PreEscaped(rust(&code.excerpt.text))) } }
                    }
                }
            }
        }
    })
}

fn caption(code: &Code) -> Markup {
    let Excerpt { first, last, .. } = code.excerpt;
    let lines = if first == last {
        format!("line {first}")
    } else {
        format!("lines {first}\u{2013}{last}")
    };
    html! {
        span { (code.title) }
        " "
        @if let Some(address) = &code.address {
            a class="file" href=(address) { (code.file) ", " (lines) }
        } @else {
            span class="file" { (code.file) ", " (lines) }
        }
    }
}

/// A fenced block.
pub(super) fn code(language: &str, text: &str) -> String {
    let text = text.trim_end();
    let inner = if language == "rust" { rust(text) } else { escaped(text) };
    line(&html! { pre { code { (PreEscaped(inner)) } } })
}

pub(super) fn figure(picture: &str, caption: &str) -> String {
    line(&html! {
        figure class="picture" {
            a href=(picture) { img src=(picture) alt=(caption) loading="lazy"; }
            figcaption { (caption) }
        }
    })
}

/// The explorers of a paper on a page: the first within it, or that of the preset it names; links to the others.
pub(super) fn embedded(
    paper: &str,
    preset: Option<&str>,
    page: &str,
    explorers: &[Explorer],
) -> String {
    let own = explorers.iter().filter(|found| found.paper == paper);
    let (shown, others): (Vec<_>, Vec<_>) =
        own.partition(|explorer| preset.is_none_or(|preset| explorer.is_of(preset)));
    let others: Vec<&Explorer> = shown.iter().skip(1).copied().chain(others).collect();
    let options = preset.map(|preset| format!(" --config {preset}")).unwrap_or_default();
    let address = |explorer: &Explorer| relative(page, &explorer.site);
    line(&match shown.first() {
        None => html! {
            p class="absent" {
                "This site was written without a trained " code { (paper) (options) } ": train one with "
                code { "cargo run --release -p " (paper) " -- train" (options) }
                ", and its model runs here the next time."
                @for other in others { " " a href=(address(other)) { (other.run) } }
            }
        },
        Some(first) => html! {
            figure class="explorer" {
                iframe src=(address(first)) title={ "Explorer of " (paper) ", run " (first.run) }
                    loading="lazy" {}
                figcaption {
                    "The run " code { (first.run) } ", computed in this page. "
                    a href=(address(first)) { "On a page of its own" }
                    @for other in others { ", " a href=(address(other)) { (other.run) } }
                    "."
                }
            }
        },
    })
}

fn line(markup: &Markup) -> String {
    format!("{}\n", markup.0)
}
