//! How a routine is made a little smaller, to find what matters in it.

use super::{Kind, Plan, Task, Then};

impl Plan {
    /// Returns the routines that are a little smaller than this one.
    pub fn smaller(&self) -> Vec<Self> {
        smaller_lists(&self.tasks)
            .into_iter()
            .filter(|tasks| !tasks.is_empty())
            .map(|tasks| Self {
                tasks,
                ..self.clone()
            })
            .collect()
    }
}

/// Returns the lists that lack one task, or have a smaller one or its tasks in its place.
fn smaller_lists(tasks: &[Task]) -> Vec<Vec<Task>> {
    let mut lists = Vec::new();
    for i in 0..tasks.len() {
        let mut fewer = tasks.to_vec();
        fewer.remove(i);
        lists.push(fewer);
        if let Kind::Do(inner) = &tasks[i].kind {
            let mut flatter = tasks.to_vec();
            flatter.splice(i..=i, inner.iter().cloned());
            lists.push(flatter);
        }
        for smaller in tasks[i].smaller() {
            let mut changed = tasks.to_vec();
            changed[i] = smaller;
            lists.push(changed);
        }
    }
    lists
}

impl Task {
    fn smaller(&self) -> Vec<Self> {
        let mut tasks = Vec::new();
        let plain = Self {
            only: None,
            exports: false,
            limit: None,
            then: Then::Continue,
            kind: self.kind.clone(),
        };
        for part in 0..4 {
            let mut task = self.clone();
            match part {
                0 => task.only = None,
                1 => task.exports = false,
                2 => task.limit = None,
                _ => task.then = Then::Continue,
            }
            if task != *self {
                tasks.push(task);
            }
        }
        if plain != *self {
            tasks.insert(0, plain);
        }
        let kinds = self.kind.smaller();
        tasks.extend(kinds.into_iter().map(|kind| Self {
            kind,
            ..self.clone()
        }));
        tasks
    }
}

impl Kind {
    fn smaller(&self) -> Vec<Self> {
        let mut kinds = Vec::new();
        match self {
            Self::Do(tasks) => kinds.extend(non_empty(tasks).map(Self::Do)),
            Self::For { items, below, body } => {
                let remade = |items: &[u64], below: Option<u64>, body: Vec<Task>| Self::For {
                    items: items.to_vec(),
                    below,
                    body,
                };
                if let Some((_, fewer)) = items.split_last() {
                    kinds.push(remade(fewer, *below, body.clone()));
                }
                kinds.extend(non_empty(body).map(|body| remade(items, *below, body)));
                kinds.push(Self::Do(body.clone()));
            }
            Self::Try {
                body,
                status,
                retry,
                handler,
            } => {
                let remade = |body, status, retry, handler| Self::Try {
                    body,
                    status,
                    retry,
                    handler,
                };
                kinds.push(Self::Do(body.clone()));
                kinds.extend(
                    non_empty(body).map(|body| remade(body, *status, *retry, handler.clone())),
                );
                let lists = handler.iter().flat_map(|tasks| non_empty(tasks));
                kinds.extend(lists.map(|list| remade(body.clone(), *status, *retry, Some(list))));
                if status.is_some() {
                    kinds.push(remade(body.clone(), None, *retry, handler.clone()));
                }
                if retry.is_some() {
                    kinds.push(remade(body.clone(), *status, None, handler.clone()));
                }
                if handler.is_some() {
                    kinds.push(remade(body.clone(), *status, *retry, None));
                }
            }
            Self::Fork { branches, compete } => {
                kinds.extend(branches.iter().cloned().map(Self::Do));
                for i in 0..branches.len() {
                    let mut fewer = branches.clone();
                    fewer.remove(i);
                    if !fewer.is_empty() {
                        kinds.push(Self::Fork {
                            branches: fewer,
                            compete: *compete,
                        });
                    }
                    for rest in smaller_lists(&branches[i][1..]) {
                        let mut changed = branches.clone();
                        changed[i].truncate(1);
                        changed[i].extend(rest);
                        kinds.push(Self::Fork {
                            branches: changed,
                            compete: *compete,
                        });
                    }
                }
            }
            _ => {}
        }
        kinds
    }
}

fn non_empty(tasks: &[Task]) -> impl Iterator<Item = Vec<Task>> {
    smaller_lists(tasks)
        .into_iter()
        .filter(|tasks| !tasks.is_empty())
}
