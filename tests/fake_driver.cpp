// What gpu_slots.py calls of NVIDIA's driver, for FAKE_GPUS devices; like the real one, it looks at CUDA_VISIBLE_DEVICES when it starts.
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

static std::vector<int> shown;

static std::string name(int gpu) {
    char text[64];
    std::snprintf(text, sizeof text, "GPU-%02x000000-0000-0000-0000-0000000000ff", gpu);
    return text;
}

extern "C" int cuInit(unsigned) {
    const int gpus = std::atoi(std::getenv("FAKE_GPUS"));
    const char *setting = std::getenv("CUDA_VISIBLE_DEVICES");
    if (!setting)
        for (int gpu = 0; gpu < gpus; gpu++) shown.push_back(gpu);
    std::stringstream words(setting ? setting : "");
    for (std::string word; std::getline(words, word, ',');) {
        int found = -1;
        for (int gpu = 0; gpu < gpus; gpu++)
            if (word == std::to_string(gpu) || word == name(gpu)) found = gpu;
        if (found < 0) break;  // what follows an invalid entry is hidden
        shown.push_back(found);
    }
    return shown.empty() ? 100 : 0;
}

extern "C" int cuDeviceGetCount(int *count) {
    *count = int(shown.size());
    return 0;
}

extern "C" int cuDeviceGet(int *device, int ordinal) {
    *device = 1000 + ordinal;  // a handle, not a number of anything
    return ordinal < 0 || ordinal >= int(shown.size()) ? 101 : 0;
}

extern "C" int cuDeviceGetUuid_v2(unsigned char *uuid, int device) {
    for (int i = 0; i < 16; i++) uuid[i] = 0;
    uuid[0] = static_cast<unsigned char>(shown.at(device - 1000));
    uuid[15] = 0xff;
    return 0;
}
