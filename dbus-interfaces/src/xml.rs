//! The contract as text: what stands in `xml/`.

use crate::names;

/// One interface of the contract.
#[derive(Clone, Copy, Debug)]
pub struct Interface {
    /// Its full name.
    pub name: &'static str,
    /// Its XML, a `node` with one `interface`; prose stands in comments, the first in each element.
    pub xml: &'static str,
}

/// Every interface of the daemon, in the order in which one gets to know them.
pub const INTERFACES: [Interface; 10] = [
    Interface { name: names::SERVICE, xml: include_str!("../xml/org.claviger.KeyStore1.Service.xml") },
    Interface { name: names::KEYS, xml: include_str!("../xml/org.claviger.KeyStore1.Keys.xml") },
    Interface { name: names::ACCOUNT, xml: include_str!("../xml/org.claviger.KeyStore1.Account.xml") },
    Interface { name: names::TOKENS, xml: include_str!("../xml/org.claviger.KeyStore1.Tokens.xml") },
    Interface { name: names::SESSIONS, xml: include_str!("../xml/org.claviger.KeyStore1.Sessions.xml") },
    Interface { name: names::PUBLIC, xml: include_str!("../xml/org.claviger.KeyStore1.Public.xml") },
    Interface { name: names::ADMIN, xml: include_str!("../xml/org.claviger.KeyStore1.Admin.xml") },
    Interface {
        name: names::AUTHENTICATION,
        xml: include_str!("../xml/org.claviger.KeyStore1.Authentication.xml"),
    },
    Interface { name: names::LOGIN, xml: include_str!("../xml/org.claviger.KeyStore1.Login.xml") },
    Interface { name: names::AGENTS, xml: include_str!("../xml/org.claviger.KeyStore1.Agents.xml") },
];

/// What an agent implements and the daemon calls.
pub const AGENT: Interface =
    Interface { name: names::AGENT, xml: include_str!("../xml/org.claviger.KeyStore1.Agent.xml") };
