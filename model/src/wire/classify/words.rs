//! The words by which providers name their errors. Codes are certain, sentences a last resort.

use crate::ModelErrorKind;

/// Codes that mean one thing, whatever else the body says. Compared without case, `_` and `-`.
const SPECIFIC: &[(ModelErrorKind, &[&str])] = &[
    (
        ModelErrorKind::Quota,
        &[
            "insufficientquota",
            "billinghardlimitreached",
            "billingnotactive",
            "billingerror",
            "paymentrequired",
            "insufficientcredits",
            "insufficientbalance",
            "accountdeactivated",
        ],
    ),
    (
        ModelErrorKind::ContextOverflow,
        &[
            "contextlengthexceeded",
            "contextwindowexceeded",
            "modelcontextwindowexceeded",
            "modelmaxprompttokensexceeded",
            "requesttoolarge",
            "exceedcontextsizeerror",
        ],
    ),
    (
        ModelErrorKind::Authentication,
        &[
            "authenticationerror",
            "invalidapikey",
            "incorrectapikey",
            "apikeyinvalid",
            "apikeyexpired",
            "unauthenticated",
            "unauthorized",
            "unrecognizedclientexception",
            "expiredtokenexception",
        ],
    ),
    (
        ModelErrorKind::Permission,
        &[
            "permissionerror",
            "permissiondenied",
            "accessdenied",
            "accessdeniedexception",
            "insufficientpermissions",
            "unsupportedcountryregionterritory",
        ],
    ),
    (
        ModelErrorKind::UnknownModel,
        &[
            "modelnotfound",
            "modeldoesnotexist",
            "deploymentnotfound",
            "unknownmodel",
            "invalidmodel",
            "modelnotavailable",
            "modelnotsupported",
        ],
    ),
    (
        ModelErrorKind::Overloaded,
        &[
            "overloadederror",
            "overloaded",
            "engineoverloaded",
            "engineoverloadederror",
            "serveroverloaded",
            "serviceunavailable",
            "serviceunavailableexception",
            "modelnotreadyexception",
            "capacityexceeded",
            "slowdown",
        ],
    ),
    (
        ModelErrorKind::RateLimited,
        &[
            "ratelimiterror",
            "ratelimitexceeded",
            "ratelimitreached",
            "ratelimited",
            "toomanyrequests",
            "toomanyrequestserror",
            "throttlingexception",
            "throttled",
        ],
    ),
    (
        ModelErrorKind::Refused,
        &[
            "contentfilter",
            "contentpolicyviolation",
            "responsibleaipolicyviolation",
            "moderationblocked",
            "datainspectionfailed",
            "prohibitedcontent",
            "invalidprompt",
            "safety",
        ],
    ),
    (
        ModelErrorKind::Timeout,
        &[
            "timeouterror",
            "requesttimeout",
            "deadlineexceeded",
            "modeltimeoutexception",
        ],
    ),
];

/// Codes that a more telling sentence may overrule.
const GENERAL: &[(ModelErrorKind, &[&str])] = &[
    (
        ModelErrorKind::RateLimited,
        &["resourceexhausted", "tokens", "requests"],
    ),
    (ModelErrorKind::Overloaded, &["unavailable"]),
    (
        ModelErrorKind::Server,
        &[
            "apierror",
            "servererror",
            "internal",
            "internalerror",
            "internalservererror",
            "internalserverexception",
            "modelstreamerrorexception",
            "unknownerror",
        ],
    ),
    (
        ModelErrorKind::InvalidRequest,
        &[
            "invalidrequesterror",
            "invalidargument",
            "invalidrequest",
            "badrequest",
            "badrequesterror",
            "failedprecondition",
            "outofrange",
            "unprocessableentity",
            "validationexception",
            "validationerror",
        ],
    ),
];

/// Sentences that mean one thing. Lower case.
const SENTENCES: &[(ModelErrorKind, &[&str])] = &[
    (
        ModelErrorKind::ContextOverflow,
        &[
            "maximum context length",
            "prompt is too long",
            "input is too long",
            "context window",
            "context length",
            "context size",
            "exceeds the maximum number of tokens",
            "maximum number of input tokens",
            "too large for model",
            "reduce the length of",
            "maximum prompt length",
            "input length and `max_tokens` exceed",
        ],
    ),
    (
        ModelErrorKind::Quota,
        &[
            "credit balance is too low",
            "insufficient balance",
            "insufficient credits",
            "requires more credits",
            "plan and billing",
            "spend limit",
            "exceeded your current quota, please check your plan",
        ],
    ),
    (
        ModelErrorKind::Authentication,
        &[
            "api key not valid",
            "invalid api key",
            "incorrect api key",
            "invalid x-api-key",
            "no auth credentials",
        ],
    ),
    (
        ModelErrorKind::Refused,
        &[
            "content management policy",
            "content filter",
            "flagged as potentially violating",
        ],
    ),
    (
        ModelErrorKind::Overloaded,
        &["overloaded", "at capacity", "no capacity", "loading model"],
    ),
    (
        ModelErrorKind::RateLimited,
        &["rate limit", "too many requests"],
    ),
];

/// Sentences that name a model which is not there; too weak without the word "model" beside.
const MISSING: &[&str] = &[
    "not found",
    "does not exist",
    "not exist",
    "is not supported",
    "not a valid model",
    "unknown model",
];

pub(super) fn specific_code(code: &str) -> Option<ModelErrorKind> {
    lookup(SPECIFIC, code)
}

pub(super) fn general_code(code: &str) -> Option<ModelErrorKind> {
    lookup(GENERAL, code)
}

pub(super) fn of_message(message: &str, status: Option<u16>) -> Option<ModelErrorKind> {
    let names_missing_model = || {
        let subject = message.contains("model") || message.contains("deployment");
        subject && MISSING.iter().any(|words| message.contains(words))
    };
    if matches!(status, Some(400 | 404) | None) && names_missing_model() {
        return Some(ModelErrorKind::UnknownModel);
    }
    let mut table = SENTENCES.iter();
    let found = table.find(|(_, sentences)| sentences.iter().any(|words| message.contains(words)));
    found.map(|(kind, _)| *kind)
}

fn lookup(table: &[(ModelErrorKind, &[&str])], code: &str) -> Option<ModelErrorKind> {
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    let code: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    let mut rows = table.iter();
    let found = rows.find(|(_, codes)| codes.contains(&code.as_str()));
    found.map(|(kind, _)| *kind)
}
