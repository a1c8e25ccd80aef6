//! Asking the person whether a computer may be paired.

use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::{PairingId, Terms};
use claviger_token::Errand;
use tokio::sync::oneshot;

use crate::approval::Verdict;
use crate::audit::Entry;
use crate::hosts::Hosts;
use crate::invitation::{Asker, News};
use crate::manager::SecurityManager;
use crate::question::{Operation, Question};

/// Returns the question about a computer that wants to be paired.
pub(crate) fn question(hosts: &Hosts, pairing: PairingId, terms: &Terms, code: Option<String>) -> Question {
    let Terms { host, user, uid } = terms;
    let purpose = format!("user number {uid}");
    let errand = Errand { user: user.clone(), application: String::new(), purpose };
    let mut question = Question::new(Operation::Pair, &pairing.to_string(), host, &errand);
    question.code = code;
    if hosts.has_namesake(pairing, host) {
        question = question.with_warning("a computer of this name is paired already");
    }
    question
}

/// Asks the person: where they gave the invitation if they can answer there, else as for everything.
/// Where they take the invitation back the question goes.
pub(crate) async fn ask(
    manager: Arc<SecurityManager>,
    question: Question,
    asker: Option<Asker>,
    withdrawn: impl Future<Output = ()>,
) -> bool {
    let answer = async {
        match asker {
            Some(asker) => {
                let (sender, answer) = oneshot::channel();
                asker.tell(News::Asked(Box::new(question.clone()), sender));
                answer.await.unwrap_or(false)
            }
            None => manager.approve_pairing(&question).await,
        }
    };
    let answer = tokio::time::timeout(PATIENCE, answer);
    let (yes, outcome) = tokio::select! {
        biased;
        () = withdrawn => (false, "given up"),
        answer = answer => match answer {
            Ok(true) => (true, "approved"),
            Ok(false) => (false, "refused"),
            Err(_elapsed) => (false, "nobody answered"),
        },
    };
    manager.note_pairing(&question, outcome) && yes
}

impl SecurityManager {
    /// Notes what came of the question; what cannot be noted is not done.
    fn note_pairing(&self, question: &Question, outcome: &str) -> bool {
        let noted = self.audit().note(&Entry::new(question, outcome));
        if let Err(error) = &noted {
            eprintln!("claviger-phone: cannot note a pairing: {error}");
        }
        noted.is_ok()
    }

    async fn approve_pairing(&self, question: &Question) -> bool {
        let Ok(turn) = self.turn(&question.pairing).await else { return false };
        let verdict = self.approver().approve(question).await;
        if let Some(turn) = turn {
            turn.answered();
        }
        match verdict {
            Verdict::Approved | Verdict::ApprovedFor(_) => true,
            Verdict::Refused => false,
            Verdict::Impossible(why) => {
                eprintln!("claviger-phone: nobody could be asked about a pairing: {why}");
                false
            }
        }
    }
}

/// How long the person is waited for.
const PATIENCE: Duration = Duration::from_secs(100);
