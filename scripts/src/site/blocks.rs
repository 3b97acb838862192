//! The larger pieces of a page: code, equations beside it, figures and explorers.

use anyhow::{Result, bail};
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
///
/// # Errors
/// If the paper has explorers and none of that preset, which is what the page speaks of.
pub(super) fn embedded(
    paper: &str,
    preset: Option<&str>,
    page: &str,
    explorers: &[Explorer],
) -> Result<String> {
    let mut own: Vec<&Explorer> = explorers.iter().filter(|found| found.paper == paper).collect();
    let options = preset.map(|preset| format!(" --config {preset}")).unwrap_or_default();
    let command = format!("cargo run --release -p {paper} -- train{options}");
    if let Some(preset) = preset {
        own.sort_by_key(|explorer| !explorer.is_of(preset));
        if own.first().is_some_and(|first| !first.is_of(preset)) {
            bail!("no explorer of {preset} among those of {paper}: train it with {command}");
        }
    }
    let address = |explorer: &Explorer| relative(page, &explorer.site);
    Ok(line(&match own.split_first() {
        None => html! {
            p class="absent" {
                "This site was written without a trained " code { (paper) } ": train one with "
                code { (command) } ", and its model runs here the next time."
            }
        },
        Some((first, others)) => html! {
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
    }))
}

fn line(markup: &Markup) -> String {
    format!("{}\n", markup.0)
}
