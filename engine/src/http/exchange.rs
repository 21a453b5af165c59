//! Sends a request as its policy wants it. A refusal has changed nothing, so what follows from
//! one (a digest, a fresh token) may be sent again.

use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::{Client, RequestBuilder, Response, StatusCode};

use super::authentication::{Challenge, Grant, Login, Policy};
use super::request::Wanted;
use super::{Http, chain, place, response};
use crate::{ExecutorError, Outcome, Problem, ProblemKind, Timestamp};

/// Why there is no response.
enum Unanswered {
    /// The work failed.
    Problem(Problem),
    /// The machinery failed.
    Machinery(ExecutorError),
}

impl From<Problem> for Unanswered {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<ExecutorError> for Unanswered {
    fn from(error: ExecutorError) -> Self {
        Self::Machinery(error)
    }
}

impl Http {
    /// Sends a request, and reads what comes back.
    pub(super) async fn exchange(
        &self,
        deadline: Option<Timestamp>,
        mut wanted: Wanted,
    ) -> Result<Outcome, ExecutorError> {
        wanted.turn_off(&self.detours);
        match self.response(deadline, &mut wanted).await {
            Ok(response) => Ok(response::read(response, &wanted).await),
            Err(Unanswered::Problem(problem)) => Ok(Outcome::failed(problem)),
            Err(Unanswered::Machinery(error)) => Err(error),
        }
    }

    async fn response(
        &self,
        deadline: Option<Timestamp>,
        wanted: &mut Wanted,
    ) -> Result<Response, Unanswered> {
        let client = self.client(wanted.redirect)?;
        // Taken out, because what is granted must be scrubbed as well.
        match std::mem::replace(&mut wanted.policy, Policy::None) {
            Policy::Digest(login) => self.digest(client, deadline, wanted, &login).await,
            Policy::Granted(grant) => self.granted(client, deadline, wanted, &grant).await,
            policy @ (Policy::None | Policy::Basic(_) | Policy::Bearer(_)) => {
                let request = policy.apply(wanted.build(client));
                self.send(request, deadline, wanted).await
            }
        }
    }

    /// Asks, is refused with a challenge, and answers it.
    async fn digest(
        &self,
        client: &Client,
        deadline: Option<Timestamp>,
        wanted: &Wanted,
        login: &Login,
    ) -> Result<Response, Unanswered> {
        let first = self.send(wanted.build(client), deadline, wanted).await?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return Ok(first);
        }
        let challenge = Challenge::read(first.headers())?;
        let nonce = client_nonce()?;
        let answer = challenge.answer(login, &wanted.asked(&nonce));
        let request = wanted.build(client).header(AUTHORIZATION, answer);
        self.send(request, deadline, wanted).await
    }

    /// Asks with a token; with another one when it is refused, because it may have been taken
    /// back before its time.
    async fn granted(
        &self,
        client: &Client,
        deadline: Option<Timestamp>,
        wanted: &mut Wanted,
        grant: &Grant,
    ) -> Result<Response, Unanswered> {
        // Whoever gives tokens is never followed elsewhere: the secret is for them.
        let giver = self.client(false)?;
        let mut refused = None;
        loop {
            let now = self.clock.now();
            let token = self
                .tokens
                .token(giver, grant, now, refused.as_deref())
                .await?;
            wanted.scrub.value(&token);
            let request = wanted.build(client).bearer_auth(&token);
            let answer = self.send(request, deadline, wanted).await?;
            if refused.is_some() || answer.status() != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            refused = Some(token);
        }
    }

    async fn send(
        &self,
        mut request: RequestBuilder,
        deadline: Option<Timestamp>,
        wanted: &Wanted,
    ) -> Result<Response, Unanswered> {
        if let Some(deadline) = deadline {
            let now = self.clock.now().as_millis();
            let left = deadline.as_millis().saturating_sub(now);
            request = request.timeout(Duration::from_millis(left));
        }
        let sent = request.send().await;
        sent.map_err(|error| Unanswered::Problem(unreachable(wanted, error)))
    }
}

/// Draws a value that the other side cannot have chosen.
fn client_nonce() -> Result<String, ExecutorError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| ExecutorError {
        message: format!("no randomness: {error}"),
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The problem of a request that got no answer.
fn unreachable(wanted: &Wanted, error: reqwest::Error) -> Problem {
    let title = format!("no answer from {}", place(&wanted.url));
    // The address in the error has the query, and so perhaps what is secret.
    let detail = wanted.scrub.text(&chain(&error.without_url()));
    Problem::standard(ProblemKind::Communication, title).with_detail(detail)
}
