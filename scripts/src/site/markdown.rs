//! A page of Markdown as HTML. Beyond CommonMark with tables it understands what GitLab shows too:
//!
//! - equations, ``$`x`$`` in a line and blocks of `math`;
//! - a link to a source file with an item as its fragment, alone in a paragraph: the lines of that item, and, right
//!   after an equation, beside it;
//! - `<!-- explorer: PAPER -->`: the explorer pages of that paper's runs; `<!-- explorer: PAPER PRESET -->` has that of
//!   this preset within the page.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, bail};
use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream,
    html::push_html,
};

use super::{
    blocks::{Code, code, embedded, figure, pair},
    excerpt,
    explorers::Explorer,
    links::{Links, Target, is_address, split},
    math::mathml,
    pages::Page,
};

/// What pages are made from, and what making them finds.
pub(super) struct Site<'a> {
    pub root: &'a Path,
    pub links: Links,
    pub explorers: Vec<Explorer>,
    /// Files in the repository of the pictures shown.
    pub pictures: BTreeSet<String>,
}

/// A page's HTML, without what all pages have.
pub(super) struct Rendered {
    pub html: String,
    /// Headings below the title: identity, text.
    pub headings: Vec<(String, String)>,
}

impl Site<'_> {
    /// The HTML of a page with this text.
    ///
    /// # Errors
    /// At the first link, equation or item that is wrong.
    pub(super) fn rendered(&mut self, page: &Page, text: &str) -> Result<Rendered> {
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
        let events = TextMergeStream::new(Parser::new_ext(text, options)).collect();
        let mut writer = Writer { site: self, page, events, place: 0, slugs: Vec::new() };
        let (mut html, mut headings) = (String::with_capacity(text.len() * 2), Vec::new());
        while let Some(block) = writer.block(&mut headings)? {
            push_html(&mut html, block.into_iter());
        }
        Ok(Rendered { html, headings })
    }
}

struct Writer<'s, 'r, 't> {
    site: &'s mut Site<'r>,
    page: &'s Page,
    events: Vec<Event<'t>>,
    place: usize,
    slugs: Vec<String>,
}

impl<'t> Writer<'_, '_, 't> {
    /// The events of the next block.
    fn block(&mut self, headings: &mut Vec<(String, String)>) -> Result<Option<Vec<Event<'t>>>> {
        let Some(first) = self.events.get(self.place).cloned() else { return Ok(None) };
        Ok(Some(match first {
            Event::Start(Tag::Heading { level, .. }) => {
                let inner = self.inner();
                vec![html(self.heading(level, inner, headings)?)]
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let text = plain(&self.inner());
                let language = match &kind {
                    CodeBlockKind::Fenced(language) => language.as_ref(),
                    CodeBlockKind::Indented => "",
                };
                vec![html(self.fenced(language, &text)?)]
            }
            Event::Start(Tag::Paragraph) => {
                let inner = self.inner();
                self.paragraph(inner)?
            }
            Event::Start(Tag::Table(_)) => {
                let mut events = vec![html("<div class=\"table\">".into()), first];
                events.extend(self.inner());
                events.push(Event::End(TagEnd::Table));
                let mut events = self.inline(events)?;
                events.push(html("</div>\n".into()));
                events
            }
            Event::Start(Tag::HtmlBlock) => {
                let text = plain(&self.inner());
                vec![html(self.marker(&text)?)]
            }
            _ => {
                let rest = self.events[self.place..].iter().skip(1);
                let length = 1 + rest.take_while(|event| !is_block(event)).count();
                let events = self.events[self.place..self.place + length].to_vec();
                self.place += length;
                self.inline(events)?
            }
        }))
    }

    /// The events up to the end of the tag that starts here; moves behind it.
    fn inner(&mut self) -> Vec<Event<'t>> {
        let start = self.place + 1;
        let mut depth = 1;
        let mut end = start;
        while let Some(event) = self.events.get(end) {
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            end += 1;
        }
        self.place = end + 1;
        self.events[start..end].to_vec()
    }

    fn heading(
        &mut self,
        level: HeadingLevel,
        inner: Vec<Event<'t>>,
        headings: &mut Vec<(String, String)>,
    ) -> Result<String> {
        let text = plain(&inner);
        let mut id = slug(&text);
        let same = self.slugs.iter().filter(|slug| **slug == id).count();
        self.slugs.push(id.clone());
        if same > 0 {
            id = format!("{id}-{same}");
        }
        if level == HeadingLevel::H2 {
            headings.push((id.clone(), text));
        }
        let mut html = String::new();
        push_html(&mut html, self.inline(inner)?.into_iter());
        Ok(format!(
            "<{level} id=\"{id}\"><a class=\"heading\" href=\"#{id}\">{html}</a></{level}>\n"
        ))
    }

    /// A block of code, or an equation with the code after it.
    fn fenced(&mut self, language: &str, text: &str) -> Result<String> {
        if language != "math" {
            return Ok(code(language, text));
        }
        let equation = mathml(text, true)?;
        let mut code = Vec::new();
        while let Some(Event::Start(Tag::Paragraph)) = self.events.get(self.place) {
            let before = self.place;
            let inner = self.inner();
            let Some(excerpt) = self.excerpt(&inner)? else {
                self.place = before;
                break;
            };
            code.push(excerpt);
        }
        Ok(pair(Some(&equation), &code))
    }

    fn paragraph(&mut self, inner: Vec<Event<'t>>) -> Result<Vec<Event<'t>>> {
        if let Some(code) = self.excerpt(&inner)? {
            return Ok(vec![html(pair(None, &[code]))]);
        }
        if let Some(pictures) = self.pictures(&inner)? {
            return Ok(vec![html(pictures)]);
        }
        let mut events = vec![Event::Start(Tag::Paragraph)];
        events.extend(self.inline(inner)?);
        events.push(Event::End(TagEnd::Paragraph));
        Ok(events)
    }

    /// The code that a paragraph stands for, if it is a link to an item of a source file alone.
    fn excerpt(&self, inner: &[Event<'t>]) -> Result<Option<Code>> {
        let [Event::Start(Tag::Link { dest_url, .. }), title @ .., Event::End(TagEnd::Link)] =
            inner
        else {
            return Ok(None);
        };
        let (path, item) = split(dest_url);
        if is_address(path) || !path.ends_with(".rs") || item.is_empty() {
            return Ok(None);
        }
        let file = self.site.links.file(self.page, path)?;
        let source = self.site.root.join(&file);
        let source = fs::read_to_string(&source).with_context(|| format!("cannot read {file}"))?;
        let found = excerpt::item(&source, &item[1..]).with_context(|| {
            format!("{file} does not have the lines shown; name another item, or correct the page")
        })?;
        let lines = format!("#L{}-{}", found.first, found.last);
        let address = match self.site.links.in_repository(&file, &lines) {
            Target::Address(address) => Some(address),
            Target::Unreachable => None,
        };
        Ok(Some(Code { title: plain(title), file, address, excerpt: found }))
    }

    /// Figures, if a paragraph consists of pictures alone.
    fn pictures(&mut self, inner: &[Event<'t>]) -> Result<Option<String>> {
        let (mut html, mut rest) = (String::new(), inner);
        while let [Event::Start(Tag::Image { dest_url, .. }), after @ ..] = rest {
            let end = after.iter().position(|event| *event == Event::End(TagEnd::Image));
            let Some(end) = end else { return Ok(None) };
            let picture = self.site.links.picture(self.page, dest_url, &mut self.site.pictures)?;
            html.push_str(&figure(&picture, &plain(&after[..end])));
            rest = &after[end + 1..];
            if let [Event::SoftBreak, after @ ..] = rest {
                rest = after;
            }
        }
        Ok((rest.is_empty() && !html.is_empty()).then_some(html))
    }

    /// A block of HTML: a marker of this site, or of `cargo xtask readme`.
    fn marker(&self, text: &str) -> Result<String> {
        let inside = text.trim().strip_prefix("<!--").and_then(|text| text.strip_suffix("-->"));
        let Some(inside) = inside else { return Ok(text.into()) };
        let Some(named) = inside.trim().strip_prefix("explorer:") else { return Ok(String::new()) };
        let mut words = named.split_whitespace();
        let (paper, preset) = (words.next().unwrap_or_default(), words.next());
        Ok(embedded(paper, preset, &self.page.site, &self.site.explorers))
    }

    /// Links as they are in the site, and equations within a line.
    fn inline(&mut self, events: Vec<Event<'t>>) -> Result<Vec<Event<'t>>> {
        let mut written: Vec<Event<'t>> = Vec::with_capacity(events.len());
        // Of each link that is open, whether it leads anywhere.
        let mut open = Vec::new();
        let mut events = events.into_iter().peekable();
        while let Some(event) = events.next() {
            let event = match event {
                Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                    let target = self.site.links.target(self.page, &dest_url)?;
                    open.push(target != Target::Unreachable);
                    let Target::Address(address) = target else { continue };
                    Event::Start(Tag::Link { link_type, dest_url: address.into(), title, id })
                }
                Event::End(TagEnd::Link) if open.pop() == Some(false) => continue,
                Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                    let pictures = &mut self.site.pictures;
                    let picture = self.site.links.picture(self.page, &dest_url, pictures)?;
                    Event::Start(Tag::Image { link_type, dest_url: picture.into(), title, id })
                }
                Event::Code(latex) if is_equation(written.last(), events.peek()) => {
                    trim(written.last_mut(), |text| text.strip_suffix('$'));
                    trim(events.peek_mut(), |text| text.strip_prefix('$'));
                    Event::InlineHtml(mathml(&latex, false)?.into())
                }
                Event::Code(latex) if ends_in_dollar(written.last()) => {
                    bail!("the equation '$`{latex}`' is not closed by a dollar after its backtick")
                }
                other => other,
            };
            written.push(event);
        }
        Ok(written)
    }
}

/// Whether a block begins that is written as a whole; lists and quotations are written piece by piece.
fn is_block(event: &Event<'_>) -> bool {
    use Tag::{CodeBlock, Heading, HtmlBlock, Paragraph, Table};
    let Event::Start(tag) = event else { return false };
    matches!(tag, Heading { .. } | CodeBlock(_) | Paragraph | Table(_) | HtmlBlock)
}

/// Whether code stands between dollars.
fn is_equation(before: Option<&Event<'_>>, after: Option<&Event<'_>>) -> bool {
    ends_in_dollar(before) && matches!(after, Some(Event::Text(text)) if text.starts_with('$'))
}

fn ends_in_dollar(event: Option<&Event<'_>>) -> bool {
    matches!(event, Some(Event::Text(text)) if text.ends_with('$'))
}

fn trim<'t>(event: Option<&mut Event<'t>>, without: impl Fn(&str) -> Option<&str>) {
    if let Some(Event::Text(text)) = event {
        let shorter = without(text).unwrap_or(text).to_owned();
        *text = CowStr::from(shorter);
    }
}

/// The text of events without its markup.
fn plain(events: &[Event<'_>]) -> String {
    let text = events.iter().map(|event| match event {
        Event::Text(text) | Event::Code(text) | Event::Html(text) => text.as_ref(),
        Event::SoftBreak | Event::HardBreak => " ",
        _ => "",
    });
    text.collect()
}

fn html<'t>(text: String) -> Event<'t> {
    Event::Html(text.into())
}

/// The identity of a heading, as GitLab makes it.
fn slug(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    let kept = lower.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    let slug: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
    // Of several hyphens in a row GitLab keeps one.
    slug.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::pages::Group;

    fn rendered(text: &str) -> String {
        rendered_with(Vec::new(), text)
    }

    fn rendered_with(explorers: Vec<Explorer>, text: &str) -> String {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("lib.rs"), "fn one() {\n    1\n}\n").unwrap();
        let page = Page {
            source: "README.md".into(),
            site: "index.html".into(),
            group: Group::Course,
            title: "A page".into(),
            text: String::new(),
        };
        let links = Links::new(root.path(), &[], None);
        let mut site = Site { root: root.path(), links, explorers, pictures: BTreeSet::new() };
        match site.rendered(&page, text) {
            Ok(rendered) => rendered.html,
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn equations_of_a_line_lose_their_dollars_and_prices_keep_them() {
        let html = rendered("Of $`x`$, $`y`$; `$HOME` and $5 or `code`$.");
        assert_eq!(html.matches("<math").count(), 2, "{html}");
        assert!(html.contains("<code>$HOME</code> and $5 or <code>code</code>$."), "{html}");
        assert!(!html.contains("$<math") && !html.contains("</math>$"), "{html}");
    }

    #[test]
    fn an_item_after_an_equation_stands_beside_it() {
        let html = rendered("```math\nx\n```\n\n[One](lib.rs#one)\n\nText.");
        assert_eq!(html.matches("class=\"pair\"").count(), 1, "{html}");
        assert!(html.contains("fn</span> one() {\n    <span"), "{html}");
        let said = rendered("[Two](lib.rs#two)");
        assert!(said.starts_with("lib.rs does not have") && said.ends_with("no items named two"));
    }

    #[test]
    fn links_to_the_repository_are_text_and_dead_ones_are_refused() {
        assert_eq!(rendered("[a](lib.rs), [b](#b)"), "<p>a, <a href=\"#b\">b</a></p>\n");
        assert!(rendered("[a](lib.md)").starts_with("the link 'lib.md' leads nowhere"));
        assert!(rendered("a ![b](https://a/b.png)").contains("would be loaded from elsewhere"));
    }

    #[test]
    fn the_run_of_a_preset_that_is_named_is_within_the_page_or_its_absence_is_said() {
        let of = |runs: &[&str]| -> Vec<Explorer> {
            let explorer = |run: &&str| Explorer {
                paper: "vae-rnn".into(),
                run: format!("vae-rnn/{run}"),
                file: "explore.html".into(),
                site: format!("explore/vae-rnn-{run}.html"),
            };
            runs.iter().map(explorer).collect()
        };
        let (any, named) =
            ("<!-- explorer: vae-rnn -->", "<!-- explorer: vae-rnn names-sentence -->");
        let frame = |run: &str| format!("<iframe src=\"explore/vae-rnn-{run}.html\"");
        let all = ["jsb", "names-sentence", "quick"];
        assert!(rendered_with(of(&all), any).contains(&frame("jsb")));
        let html = rendered_with(of(&all), named);
        assert!(html.contains(&frame("names-sentence")), "{html}");
        assert_eq!(html.matches("<a href=").count(), 3, "{html}");
        let command = "cargo run --release -p vae-rnn -- train";
        let others = rendered_with(of(&["jsb", "quick"]), named);
        assert!(
            others.contains("--config names-sentence<") && !others.contains("<iframe"),
            "{others}"
        );
        assert_eq!(others.matches("<a href=").count(), 2, "{others}");
        assert!(rendered(named).contains(&format!("{command} --config names-sentence<")));
        assert!(rendered(any).contains(&format!("{command}<")));
    }

    #[test]
    fn headings_are_named_as_gitlab_names_them() {
        assert_eq!(slug("The `ELBO`: a bound, & more"), "the-elbo-a-bound-more");
    }
}
