#pragma once
// Runs the compiled features on a few made-up events, so that a mistake is found before any file is opened.

#include "base/data_spec.hpp"
#include "data/transform/expression.hpp"
#include "data/transform/raw_object.hpp"

#include <vector>

namespace torch::jit {
struct Module;
}

namespace tev {

/// @throws InputError  an expression fails, gives not one value per row, or gives an event other values when it stands
///                     alone than among others (e.g. px / torch.max(px)): its result would depend on the batch
void dry_run(torch::jit::Module& module, const std::vector<RawObject>& objects, const std::vector<ObjectSpec>& specs,
             const std::vector<Expression>& expressions);

}  // namespace tev
