//! The reference as Markdown, from the XML: signatures from the elements, prose from the first comment in each.

use std::fmt::Write as _;

use claviger_dbus::error::ErrorName;
use claviger_dbus::{names, xml};
use roxmltree::{Document, Node};

/// Returns the whole reference, or what is wrong with the XML.
pub(crate) fn render() -> Result<String, String> {
    let mut page = introduction();
    for interface in xml::INTERFACES.into_iter().chain([xml::AGENT]) {
        let document = parse(interface.xml).map_err(|error| format!("{}: {error}", interface.name))?;
        let element = document
            .descendants()
            .find(|node| node.has_tag_name("interface"))
            .ok_or_else(|| format!("{}: no interface", interface.name))?;
        describe_interface(element, &mut page)?;
    }
    Ok(page)
}

/// Parses a file of the contract: D-Bus XML has a document type, which roxmltree refuses unless told.
pub(crate) fn parse(xml: &str) -> Result<Document<'_>, roxmltree::Error> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    Document::parse_with_options(xml, options)
}

fn introduction() -> String {
    let mut page = String::from(
        "<!-- Generated from dbus-interfaces/xml by `cargo run -q -p claviger-dbus --example generate-docs`. Do not edit. -->\n\
         # D-Bus API\n\n",
    );
    let _ = writeln!(
        page,
        "Bus name `{}`, one object `{}`. The system bus in service; with `--bus` any other for trying it out.\n\n\
         Every method ends in `a{{sv}}` (options, or a filter). An unknown key, a wrong type or a key given twice is \
         `org.freedesktop.DBus.Error.InvalidArgs`.\n\n\
         `busctl` cannot send descriptors, so with it one uses keys; `claviger unlock` unlocks them.\n",
        names::BUS_NAME,
        names::OBJECT_PATH
    );
    errors(&mut page);
    page
}

fn errors(page: &mut String) {
    let (own, standard): (Vec<_>, Vec<_>) =
        ErrorName::ALL.into_iter().partition(|name| name.as_str().starts_with(names::ERROR_PREFIX));
    let list = |names: Vec<ErrorName>| {
        names.iter().map(|name| format!("`{}`", name.short())).collect::<Vec<_>>().join(", ")
    };
    let _ = writeln!(
        page,
        "## Errors\n\n`{}` and one of {}; or the standard `org.freedesktop.DBus.Error.` and one of {}. The text says \
         \"cannot <verb> <object>: <cause>\" and what to do next; it is for people, the name is for programs.\n",
        names::ERROR_PREFIX,
        list(own),
        list(standard)
    );
}

fn describe_interface(interface: Node<'_, '_>, page: &mut String) -> Result<(), String> {
    let _ = writeln!(page, "## {}\n\n{}", attribute(interface, "name")?, prose(interface)?);
    for member in interface.children().filter(Node::is_element) {
        let name = attribute(member, "name")?;
        let signature = match member.tag_name().name() {
            "method" => method(member)?,
            "signal" => format!("signal {name}({})", arguments(member, |_| true)?),
            "property" => format!("property {name}: {}", attribute(member, "type")?),
            "annotation" => continue,
            other => return Err(format!("unknown element {other}")),
        };
        let _ = writeln!(page, "### {name}\n\n```\n{signature}\n```\n\n{}", prose(member)?);
    }
    Ok(())
}

fn method(method: Node<'_, '_>) -> Result<String, String> {
    let is_out = |argument: Node<'_, '_>| argument.attribute("direction") == Some("out");
    let inputs = arguments(method, |argument| !is_out(argument))?;
    let outputs = arguments(method, is_out)?;
    let name = attribute(method, "name")?;
    Ok(match outputs.as_str() {
        "" => format!("{name}({inputs})"),
        outputs => format!("{name}({inputs}) -> ({outputs})"),
    })
}

fn arguments(member: Node<'_, '_>, wanted: impl Fn(Node<'_, '_>) -> bool) -> Result<String, String> {
    let arguments = member.children().filter(|child| child.has_tag_name("arg") && wanted(*child));
    let described: Result<Vec<_>, String> = arguments
        .map(|argument| Ok(format!("{} {}", attribute(argument, "type")?, attribute(argument, "name")?)))
        .collect();
    Ok(described?.join(", "))
}

fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Result<&'a str, String> {
    node.attribute(name).ok_or_else(|| format!("<{}> has no {name}", node.tag_name().name()))
}

/// Returns the first comment in the element, freed of its indentation.
fn prose(element: Node<'_, '_>) -> Result<String, String> {
    let comment = element.children().find(Node::is_comment).and_then(|node| node.text());
    let text =
        comment.ok_or_else(|| format!("{} has no prose", attribute(element, "name").unwrap_or("?")))?;
    let indentation = text
        .lines()
        .skip(1)
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let lines: Vec<_> = text.lines().map(|line| line.get(indentation..).unwrap_or("").trim_end()).collect();
    let text = if lines.len() == 1 { text.trim().to_owned() } else { lines.join("\n").trim().to_owned() };
    Ok(text + "\n")
}
