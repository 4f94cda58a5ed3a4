//! What can be wrong with a configuration that can be read. One rule, one file.

mod document;

use std::collections::BTreeSet;

pub use document::{explain, markdown};

use crate::deployment::Deployment;
use crate::diagnostic::{Diagnostic, Sources};
use crate::parallel;
use crate::workspace::{Environment, FederationFile, Registry, Workspace};
use crate::yaml::Text;

pub(crate) use bundle_endpoint_url::problem as endpoint_problem;

/// Declares the modules, one a rule, and the list of all rules.
macro_rules! rules {
    ($($module:ident)*) => {
        $(mod $module;)*

        /// All rules, by code.
        pub static RULES: [&Rule; [$(stringify!($module)),*].len()] = [$(&$module::RULE),*];
    };
}

rules! {
    address_endpoint
    address_pool
    allowance
    api_ingress_tls
    bidirectional_text
    bundle_certificate
    bundle_endpoint_profile
    bundle_endpoint_url
    bundle_json
    bundle_key
    class_mismatch
    class_name
    cluster_identifier
    csi_driver
    duplicate_application
    duplicate_trust_domain
    endpoint_spiffe_id
    endpoint_tls
    ephemeral_state
    example_bundle
    expired_bootstrap_bundle
    expired_bundle
    expiring_bundle
    exposed_credential
    external_dns
    federation_fields
    federation_unreadable
    file_name
    foreign_endpoint_id
    grant_to_nobody
    helm_hooks
    htpasswd_row
    internal_registry_address
    kubernetes_name_clash
    literal_credential
    look_alike
    malformed_policy
    missing_bundle
    missing_values_file
    moving_tag
    newer_agent
    node_port
    object_size
    open_policy
    partial_ingress_rule
    policy_for_nobody
    powerless_partner
    private_endpoint
    private_key
    profile_not_accepted
    project_forbids
    pruned_state
    random_password
    self_federation
    server_side_diff
    shared_endpoint
    shared_key
    short_lived_bundle
    staging_issuer
    symbolic_link
    sync_wave
    template_text
    tls_verification_off
    trust_domain
    trust_domain_mismatch
    unanswered_discovery_host
    uncertified_host
    unfederated_domain
    unknown_method
    unknown_value
    unpinned_storage_class
    unreachable_routing
    unread_file
    unread_values_file
    unrecorded_chart
    unserved_external_secret
    unset_resources
    version_skew
    volume_strategy
    weak_key
    zot_s3
    zot_without_administrator
}

/// Something that can be wrong.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub code: &'static str,
    /// How bad it is, at worst.
    pub severity: Severity,
    /// What is wrong, in a line.
    pub title: &'static str,
    /// Why it matters, with the source.
    pub reason: &'static str,
    /// How to mend it.
    pub mend: &'static str,
    /// What looks for it.
    check: Check,
}

impl Rule {
    /// Returns whether the rule looks at environments, not at federation files by themselves.
    pub fn is_about_environments(&self) -> bool {
        matches!(self.check, Check::Trust(_) | Check::Deployment(_) | Check::Deployments(_))
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Rendering stops.
    Error,
    /// People should look at it.
    Warning,
}

impl Severity {
    /// Returns `error` or `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

#[derive(Debug)]
enum Check {
    /// Looks at one federation file, in its registry.
    File(fn(&FederationFile, &Registry, &Conditions) -> Vec<Diagnostic>),
    /// Looks at all federation files of a registry.
    Registry(fn(&Registry) -> Vec<Diagnostic>),
    /// Looks at an environment and the registry that it trusts.
    Trust(fn(&Environment, &Registry) -> Vec<Diagnostic>),
    /// Looks at what an environment puts on a cluster.
    Deployment(fn(&Deployment) -> Vec<Diagnostic>),
    /// Looks at what all environments put on their clusters.
    Deployments(fn(&[Deployment]) -> Vec<Diagnostic>),
}

/// What a check depends on besides the files.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// The time, in seconds since 1970; without it, rules about dates find nothing.
    pub now: Option<i64>,
    /// How many threads to use.
    pub jobs: usize,
}

/// What a rule found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What is wrong, where, and how to mend it.
    pub diagnostic: Diagnostic,
    /// The environments that it is about, where neither message nor place says so.
    pub environments: Vec<Text>,
}

impl Finding {
    /// Returns how bad it is.
    pub fn severity(&self) -> Severity {
        match self.diagnostic.softened {
            true => Severity::Warning,
            false => self.rule.severity,
        }
    }

    /// Returns whether the finding stops rendering.
    pub fn is_error(&self) -> bool {
        self.severity() == Severity::Error
    }

    /// Returns `error[code]` or `warning[code]`.
    pub fn label(&self) -> String {
        format!("{}[{}]", self.severity().word(), self.rule.code)
    }
}

/// Returns what is wrong with the registries that these environments trust, and with their trust, sorted by place.
pub fn check_registries(
    workspace: &Workspace<'_>,
    environments: &[&Environment],
    conditions: &Conditions,
) -> Vec<Finding> {
    let trusts: Vec<_> = environments
        .iter()
        .filter_map(|environment| Some((*environment, workspace.registry_of(environment)?)))
        .collect();
    let mut seen = BTreeSet::new();
    let registries = trusts.iter().map(|(_, registry)| *registry);
    let mut findings: Vec<Finding> = registries
        .filter(|registry| seen.insert(&registry.folder))
        .flat_map(|registry| check_registry(registry, conditions, workspace.sources()))
        .collect();
    for (environment, registry) in trusts {
        findings.extend(check_trust(environment, registry, workspace.sources()));
    }
    sort(&mut findings, workspace.sources());
    findings
}

/// Returns what is wrong with a registry by itself.
pub fn check_registry(registry: &Registry, conditions: &Conditions, sources: &Sources) -> Vec<Finding> {
    let of_file = |file: &FederationFile| check_file(file, registry, conditions);
    let of_files = parallel::map(conditions.jobs, &registry.files, of_file);
    let mut findings: Vec<Finding> = of_files.into_iter().flatten().collect();
    findings.extend(collect(|check| match check {
        Check::Registry(check) => check(registry),
        _ => Vec::new(),
    }));
    hide_secrets(&mut findings);
    allowance::apply(findings, sources)
}

/// Returns what is wrong with an environment's trust in a registry.
pub fn check_trust(environment: &Environment, registry: &Registry, sources: &Sources) -> Vec<Finding> {
    let findings = collect(|check| match check {
        Check::Trust(check) => check(environment, registry),
        _ => Vec::new(),
    });
    allowance::apply(findings, sources)
}

fn check_file(file: &FederationFile, registry: &Registry, conditions: &Conditions) -> Vec<Finding> {
    collect(|check| match check {
        Check::File(check) => first_of(check(file, registry, conditions)),
        _ => Vec::new(),
    })
}

/// Returns so many that somebody would read them: a file can be made to have a fault at every character.
fn first_of(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    const LIMIT: usize = 100;
    if found.len() > LIMIT {
        let more = found.len() - LIMIT;
        found.truncate(LIMIT);
        if let Some(last) = found.last_mut() {
            last.message = format!("{}, and there are {more} more of these in the file", last.message);
        }
    }
    found
}

/// Keeps every line of a file with a private key from being shown, whatever the finding is about.
fn hide_secrets(findings: &mut [Finding]) {
    let is_private = |finding: &&Finding| finding.rule.code == private_key::RULE.code;
    let files: BTreeSet<_> = findings
        .iter()
        .filter(is_private)
        .filter_map(|finding| finding.diagnostic.place)
        .map(|place| place.file)
        .collect();
    for finding in findings {
        finding.diagnostic.secret |= finding.diagnostic.place.is_some_and(|place| files.contains(&place.file));
    }
}

/// Returns what is wrong with what an environment puts on a cluster, sorted by place.
pub fn check_deployment(deployment: &Deployment, sources: &Sources) -> Vec<Finding> {
    let mut findings = collect(|check| match check {
        Check::Deployment(check) => check(deployment),
        _ => Vec::new(),
    });
    findings = allowance::apply(findings, sources);
    sort(&mut findings, sources);
    let environment = &deployment.environment;
    for finding in findings.iter_mut().filter(|_| deployment.is_whole) {
        let path = finding.diagnostic.place.map(|place| sources.path(place.file)).unwrap_or_default();
        let is_named = path.split('/').any(|part| part == &**environment);
        if !is_named && !finding.diagnostic.message.contains(&**environment) {
            finding.environments.push(environment.clone());
        }
    }
    findings
}

/// Tells what several environments have in common once, and of which environments it is.
pub fn fold(findings: &mut Vec<Finding>) {
    let mut folded: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings.drain(..) {
        match folded
            .last_mut()
            .filter(|last| last.rule.code == finding.rule.code && last.diagnostic == finding.diagnostic)
        {
            Some(last) => last.environments.extend(finding.environments),
            None => folded.push(finding),
        }
    }
    for finding in &mut folded {
        finding.environments.dedup();
        // Nothing is known of a chart, whichever environment uses it.
        if !finding.environments.is_empty() && finding.rule.code != unrecorded_chart::RULE.code {
            let message = &mut finding.diagnostic.message;
            *message = format!("{message} (in {})", finding.environments.join(", "));
        }
    }
    *findings = folded;
}

/// Returns what is wrong between the environments of one Argo CD, sorted by place.
pub fn check_deployments(deployments: &[Deployment], sources: &Sources) -> Vec<Finding> {
    let mut findings = collect(|check| match check {
        Check::Deployments(check) => check(deployments),
        _ => Vec::new(),
    });
    findings = allowance::apply(findings, sources);
    sort(&mut findings, sources);
    findings
}

fn collect(run: impl Fn(&'static Check) -> Vec<Diagnostic>) -> Vec<Finding> {
    RULES
        .iter()
        .flat_map(|rule| {
            let found = run(&rule.check);
            found.into_iter().map(|diagnostic| Finding { rule, diagnostic, environments: Vec::new() })
        })
        .collect()
}

/// Sorts findings by place, then by rule.
pub fn sort(findings: &mut [Finding], sources: &Sources) {
    findings.sort_by_cached_key(|finding| (sources.order(finding.diagnostic.place), finding.rule.code));
}
