//! Reviews that are made up, of values that try to get out of wherever they are shown.

use dirops::diagnostic::{Place, Sources};
use dirops::review::{
    Cause, Change, ChangeKind, Content, EFFECTS, Failure, Folded, Object, Occurrence, Origin, Review, Step, Steps,
    Trust, Which,
};
use dirops::yaml::{Map, Node, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Stands at both ends of every made up text, and nowhere else: wherever it is found, the text is.
pub const MARK: char = '§';

/// Texts that mean something in Markdown, in HTML or to GitHub.
const HOSTILE: &[&str] = &[
    "`",
    "``",
    "```",
    "~~~~",
    "`````diff",
    "|",
    "\\|",
    "\\",
    "<script>document.title='hacked'</script>",
    "<img src=x onerror=\"document.title='hacked'\">",
    "</style><script>document.title='hacked'</script>",
    "</script><script>document.title='hacked'</script>",
    "--><script>document.title='hacked'</script>",
    "]]>",
    "</details></table>",
    "\" onmouseover=\"document.title='hacked'\" x=\"",
    "' autofocus onfocus='document.title=1'",
    "<!--",
    "&lt;b&gt;&#64;",
    "@everyone",
    "#1",
    "GH-1",
    "owner/name#2",
    "https://evil.example/?a=b",
    "www.evil.example",
    "somebody@evil.example",
    "[link](javascript:document.title=1)",
    "![image](https://evil.example/x.png)",
    "<https://evil.example>",
    ":tada:",
    "$`x`$",
    "**bold**",
    "- list",
    "> quote",
    "# heading",
    "---",
    "\n",
    "\n\n",
    "\n```\n",
    "\n`````\n</details>\n",
    "\r\n",
    "\t",
    " ",
    "\u{0}",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "é",
    "日本語",
    "🦀",
    "👩\u{200d}🚀",
    "plain",
    "0123456789abcdef0123456789abcdef01234567",
    "{{ template }}",
    "${{ secrets.X }}",
];

/// Texts made of such, some of them very long.
pub fn text() -> impl Strategy<Value = String> {
    let parts = vec(select(HOSTILE), 0..6).prop_map(|parts| parts.concat());
    let long = (select(HOSTILE), 200..1200usize).prop_map(|(part, times)| part.repeat(times));
    prop_oneof![12 => parts, 1 => long].prop_map(|text| format!("{MARK}{text}{MARK}"))
}

fn node(value: impl Into<Value>) -> Node {
    Node::new(place(), value)
}

fn place() -> Place {
    Place::point(Sources::default().add("made up", ""), 1, 1)
}

fn value() -> impl Strategy<Value = Node> {
    prop_oneof![
        4 => text().prop_map(|text| node(text.as_str())),
        1 => vec(text(), 0..60).prop_map(|lines| node(lines.join("\n").as_str())),
        1 => any::<bool>().prop_map(node),
        1 => Just(node(Value::Null)),
        1 => vec(text(), 0..4).prop_map(|items| node(items.iter().map(|item| node(item.as_str())).collect::<Vec<_>>())),
        1 => vec((text(), text()), 0..5).prop_map(map),
    ]
}

fn map(entries: Vec<(String, String)>) -> Node {
    let mut map = node(Map::default());
    for (key, value) in entries {
        // A longer key is refused wherever it is read, escapes counted.
        let key: String = key.chars().take(150).collect();
        map.set(&key, node(value.as_str()));
    }
    map
}

fn steps() -> impl Strategy<Value = Steps> {
    let step = prop_oneof![
        text().prop_map(|key| Step::Key(key.as_str().into())),
        (text(), text()).prop_map(|(key, value)| Step::Item { key: key.as_str().into(), value: value.as_str().into() }),
        Just(Step::Content),
    ];
    vec(step, 1..4).prop_map(Steps)
}

fn origin() -> impl Strategy<Value = Option<Origin>> {
    let origin =
        (text(), 1..9999u32).prop_map(|(path, line)| Origin { path: path.as_str().into(), line, place: place() });
    proptest::option::of(origin)
}

fn object() -> impl Strategy<Value = Object> {
    prop_oneof![
        Just(Object::file("values", "")),
        (text(), text(), text()).prop_map(|(kind, namespace, name)| Object {
            api_version: "v1".into(),
            kind: kind.as_str().into(),
            namespace: namespace.as_str().into(),
            name: name.as_str().into(),
        }),
    ]
}

fn change() -> impl Strategy<Value = Folded> {
    let values = prop_oneof![
        2 => (value(), value()),
        1 => (text(), text()).prop_map(|(text, end)| {
            // They have lines in common, which are shown without a mark before them.
            (node(format!("{text}\n\n{MARK}").as_str()), node(format!("{text}\n{end}\n{MARK}").as_str()))
        }),
    ];
    let what = (0..4usize, select(EFFECTS.to_vec()), text(), values, steps(), any::<bool>());
    let whence = (vec(text(), 1..4), text(), object(), origin(), origin());
    (what, whence).prop_map(|((kind, effect, why, (before, after), steps, is_whole), whence)| {
        let (environments, component, object, old, new) = whence;
        let kind = [ChangeKind::Added, ChangeKind::Removed, ChangeKind::Changed, ChangeKind::Renamed][kind];
        let change = Change {
            environment: environments[0].as_str().into(),
            component: component.as_str().into(),
            object,
            content: Content::Object,
            steps: if is_whole && kind != ChangeKind::Changed { Steps::default() } else { steps },
            kind,
            effect,
            why,
            before: (kind != ChangeKind::Added).then_some(before),
            after: (kind != ChangeKind::Removed).then_some(after),
            cause: Cause { before: old, after: new },
        };
        folded(change, &environments)
    })
}

/// Returns a change that happens in these environments.
pub fn folded(change: Change, environments: &[String]) -> Folded {
    let place = |environment: &String| Occurrence {
        environment: environment.as_str().into(),
        component: change.component.clone(),
        object: change.object.clone(),
        cause: change.cause.clone(),
    };
    Folded { places: environments.iter().map(place).collect(), change }
}

fn failure() -> impl Strategy<Value = Failure> {
    (any::<bool>(), text(), text(), proptest::option::of(text())).prop_map(|(before, environment, message, place)| {
        let which = if before { Which::Before } else { Which::After };
        Failure { which, environment, message, place }
    })
}

fn trust() -> impl Strategy<Value = Vec<Trust>> {
    let one = (text(), text(), vec(text(), 0..5)).prop_map(|(environment, trust_domain, partners)| Trust {
        environment: environment.as_str().into(),
        trust_domain: trust_domain.as_str().into(),
        partners: partners.iter().map(|partner| partner.as_str().into()).collect(),
    });
    vec(one, 0..5)
}

/// Reviews of up to so many different changes. Some are repeated as often as given, so that there are thousands.
pub fn review(changes: usize) -> impl Strategy<Value = Review> {
    let repeated = prop_oneof![6 => Just(1usize), 1 => Just(30), 1 => Just(200)];
    let lists = (vec(failure(), 0..14), trust(), trust(), vec(text(), 0..13), vec(text(), 0..13));
    let is_complete = prop_oneof![2 => Just(true), 1 => Just(false)];
    (text(), text(), vec(change(), 0..changes), repeated, lists, is_complete).prop_map(
        |(before, after, changes, repeated, (failures, old, new, without_effect, not_configuration), is_complete)| {
            let mut changes: Vec<Folded> = (0..repeated).flat_map(|_| changes.clone()).collect();
            changes.sort_by_key(|folded| folded.change.effect);
            Review {
                before,
                after,
                changes,
                failures: if is_complete { Vec::new() } else { failures },
                trust: (old, new),
                compared: 3,
                added: Vec::new(),
                removed: Vec::new(),
                without_effect,
                not_configuration,
            }
        },
    )
}

/// Returns a review of so many changes as they are in real ones, in a hundred environments.
pub fn large(changes: usize) -> Review {
    let change = |index: usize| {
        let effect = EFFECTS[index % EFFECTS.len()];
        let environment = format!("environment-{:03}", index % 100);
        let change = Change {
            environment: environment.as_str().into(),
            component: ["dir", "spire", "dirctl", "dex"][index % 4].into(),
            object: Object::file("values", ""),
            content: Content::Values("dir".into()),
            steps: Steps(
                ["apiserver", "config", &format!("setting-{index}")].map(|key| Step::Key(key.into())).to_vec(),
            ),
            kind: ChangeKind::Changed,
            effect,
            why: "the configuration that pods read".into(),
            before: Some(node(format!("https://old-{index}.example.org/path").as_str())),
            after: Some(node(format!("https://new-{index}.example.org/path").as_str())),
            cause: Cause {
                before: None,
                after: Some(Origin { path: "base/dir/values.yaml".into(), line: 17, place: place() }),
            },
        };
        folded(change, &[environment])
    };
    let mut changes: Vec<Folded> = (0..changes).map(change).collect();
    changes.sort_by_key(|folded| folded.change.effect);
    Review { changes, ..empty() }
}

/// Returns a review that found nothing.
pub fn empty() -> Review {
    Review {
        before: "main".into(),
        after: "feature".into(),
        changes: Vec::new(),
        failures: Vec::new(),
        trust: Default::default(),
        compared: 3,
        added: Vec::new(),
        removed: Vec::new(),
        without_effect: Vec::new(),
        not_configuration: Vec::new(),
    }
}
