//! The public methods of all three canisters, read from their Candid descriptions.

use crate::deployment::Part;
use candid::TypeEnv;
use candid::types::{FuncMode, Type};
use candid_parser::{IDLProg, check_prog};

pub(super) struct Method {
    pub part: Part,
    pub name: String,
    pub args: Vec<Type>,
    pub is_query: bool,
}

/// All methods, and the types that they use.
pub(super) fn methods() -> Result<(TypeEnv, Vec<Method>), String> {
    const DESCRIPTIONS: [&str; 3] = [
        include_str!("../../../canisters/upload_gateway/upload_gateway.did"),
        include_str!("../../../canisters/blob_store/blob_store.did"),
        include_str!("../../../canisters/memory_index/memory_index.did"),
    ];
    let mut all = Vec::new();
    let mut types = TypeEnv::new();
    for (part, text) in Part::ALL.into_iter().zip(DESCRIPTIONS) {
        let program: IDLProg = text.parse().map_err(|e| format!("{e}"))?;
        let mut env = TypeEnv::new();
        let actor = check_prog(&mut env, &program).map_err(|e| e.to_string())?;
        let actor = actor.ok_or("the description has no service")?;
        // Two descriptions may use one name for different types: merging renames them.
        let actor = types.merge_type(env, actor);
        for (name, method) in types.as_service(&actor).map_err(|e| e.to_string())? {
            let func = types.as_func(method).map_err(|e| e.to_string())?;
            all.push(Method {
                part,
                name: name.clone(),
                args: func.args.clone(),
                is_query: func
                    .modes
                    .iter()
                    .any(|mode| matches!(mode, FuncMode::Query | FuncMode::CompositeQuery)),
            });
        }
    }
    Ok((types, all))
}
