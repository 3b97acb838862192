//! A page as one self-contained HTML file, with style and pictures inside.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::document::{Block, Mark, Pictures, Table};

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em }
table { border-collapse: collapse; margin: 1em 0 }
th, td { border: 1px solid #ccc; padding: .2em .6em; text-align: left }
th { background: #f3f3f3 }
.worse { background: #fde2e1 }
.better { background: #e0f3e3 }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1em }
figure { margin: 0 }
img { max-width: 100% }
summary { cursor: pointer; font-weight: 600 }
";

/// The whole page.
///
/// # Errors
/// If a picture cannot be read.
pub(super) fn render(page: &[Block]) -> Result<String> {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "Comparison" }
                style { (PreEscaped(STYLE)) }
            }
            body { (blocks(page)?) }
        }
    };
    Ok(markup.into_string())
}

fn blocks(page: &[Block]) -> Result<Markup> {
    let parts: Vec<Markup> = page.iter().map(block).collect::<Result<_>>()?;
    Ok(html! { @for part in &parts { (part) "\n" } })
}

fn block(block: &Block) -> Result<Markup> {
    Ok(match block {
        Block::Heading(1, text) => html! { h1 { (text) } },
        Block::Heading(2, text) => html! { h2 { (text) } },
        Block::Heading(_, text) => html! { h3 { (text) } },
        Block::Text(text) => html! { p { (text) } },
        Block::List(items) => html! { ul { @for item in items { li { (item) } } } },
        Block::Table(of) => table(of),
        Block::Details(summary, inner) => {
            let inner = blocks(inner)?;
            html! { details { summary { (summary) } (inner) } }
        }
        Block::Pictures(all) => {
            let pairs: Vec<Markup> = all.iter().map(pair).collect::<Result<_>>()?;
            html! { @for pair in &pairs { (pair) } }
        }
    })
}

fn table(table: &Table) -> Markup {
    html! {
        table {
            thead { tr { @for cell in &table.head { th { (cell) } } } }
            tbody {
                @for row in &table.rows {
                    tr class=(class(row.mark)) { @for cell in &row.cells { td { (cell) } } }
                }
            }
        }
    }
}

fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Plain => "plain",
        Mark::Worse => "worse",
        Mark::Better => "better",
    }
}

/// A picture of base on the left and its counterpart on the right.
fn pair(pair: &Pictures) -> Result<Markup> {
    let figure = |set: &str, file: Option<&Path>| -> Result<Markup> {
        let caption = format!("{}, {set}", pair.title);
        let source = file.map(data_uri).transpose()?;
        Ok(html! {
            figure {
                @if let Some(source) = source {
                    img src=(source) alt=(caption);
                    figcaption { (caption) }
                } @else {
                    figcaption { (caption) ": none" }
                }
            }
        })
    };
    let [base, new] = [figure("base", pair.base.as_deref())?, figure("new", pair.new.as_deref())?];
    Ok(html! { div class="pair" { (base) (new) } })
}

fn data_uri(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes)))
}
