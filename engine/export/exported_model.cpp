#include "engine/export/exported_model.hpp"

#include <sstream>
#include <utility>

namespace tev {
namespace {

std::string quoted_list(const std::vector<std::string>& names) {
  std::string text = "[";
  for (size_t i = 0; i < names.size(); ++i) text += (i ? ", \"" : "\"") + names[i] + "\"";
  return text + "]";
}


/// "part, part_offsets, event" with what follows each ragged name.
std::string argument_list(const std::vector<RawObject>& objects, const std::string& suffix, const std::string& type) {
  std::string text;
  for (const auto& object : objects)
    if (object.ragged) text += object.name + type + ", " + object.name + suffix + type + ", ";
  return text + "event" + type;
}

/// Arguments of preprocess.forward: its objects in their own order.
std::string preprocess_arguments(const std::vector<RawObject>& objects) {
  std::string text;
  for (const auto& object : objects) {
    if (!text.empty()) text += ", ";
    text += object.ragged ? object.name + ", " + object.name + "_offsets" : object.name;
  }
  return text;
}

/// Arguments of network.forward: the features of each object, with the offsets of the ragged ones.
std::string network_arguments(const DataSpec& spec) {
  std::string text;
  for (size_t i = 0; i < spec.objects.size(); ++i) {
    if (i) text += ", ";
    text += "features[" + std::to_string(i) + "].double()";
    if (spec.objects[i].ragged) text += ", " + spec.objects[i].name + "_offsets";
  }
  return text;
}

}  // namespace

std::string export_source(const std::vector<RawObject>& objects, const DataSpec& spec) {
  std::ostringstream text;
  text << "def forward(self, " << argument_list(objects, "_offsets", ": Tensor") << ") -> Tensor:\n"
       << "    features = self.preprocess.forward(" << preprocess_arguments(objects) << ")\n"
       << "    logits = self.network.forward(" << network_arguments(spec) << ")\n"
       << "    return torch.softmax(logits.float(), 1)\n\n"
       << "def forward_padded(self, " << argument_list(objects, "_mask", ": Tensor") << ") -> Tensor:\n";
  std::string call;
  for (const auto& object : objects) {
    if (!object.ragged) continue;
    text << "    " << object.name << "_lengths = " << object.name << "_mask.long().sum(1)\n"
         << "    " << object.name << "_offsets = torch.cat([" << object.name << "_lengths.new_zeros([1]), " << object.name
         << "_lengths.cumsum(0)])\n";
    call += object.name + "[" + object.name + "_mask.ne(0)], " + object.name + "_offsets, ";
  }
  if (spec.label_object.empty()) {
    text << "    return self.forward(" << call << "event)\n\n";
  } else {
    const std::string mask = spec.label_object + "_mask";
    text << "    rows = self.forward(" << call << "event)\n"
         << "    padded = rows.new_zeros([" << mask << ".size(0), " << mask << ".size(1), rows.size(1)])\n"
         << "    padded[" << mask << ".ne(0)] = rows\n"
         << "    return padded\n\n";
  }
  text << "def input_names(self) -> Dict[str, List[str]]:\n    return {";
  std::string separator;
  for (const bool ragged : {true, false})
    for (const auto& object : objects)
      if (object.ragged == ragged) text << std::exchange(separator, ", ") << '"' << object.name << "\": " << quoted_list(object.columns);
  text << "}\n\ndef class_names(self) -> List[str]:\n    return " << quoted_list(spec.classes) << "\n\ndef labelled_object(self) -> str:\n    return \""
       << spec.label_object << "\"\n";
  return text.str();
}

torch::jit::Module exported_model(Model& network, Preprocess& preprocess, const DataSpec& spec, ExportForm form) {
  torch::jit::Module module(c10::QualifiedName("__torch__.tevatrain.Export"));
  module.register_module("preprocess", preprocess.module());
  module.register_module("network", trace_network(network, spec, form));
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define(export_source(preprocess.objects(), spec));
  return module;
}

}  // namespace tev
